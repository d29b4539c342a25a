/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel 8042 keyboard controller of the PC, with the keyboard and the mouse at its two ports. "AT"
 * below is the IBM PC AT Technical Reference, "Keyboard Controller" and "Keyboard"; the mouse and
 * the commands for its port are those of the IBM PS/2 Hardware Interface Technical Reference.
 *
 *     port 64h --> command --> reply --+
 *     port 60h --> keyboard --> queue --> translation --+--> output buffer --> port 60h, IRQ1
 *              --> mouse -----> queue ------------------+                           or IRQ12
 *
 * A byte moves into the output buffer as soon as that is empty, the controller's own reply
 * first; no transfer takes time. Bytes of the device's channel are key strokes in scan code set
 * 2, as the keyboard sends them. The mouse answers, but nobody moves it.
 */
#include "emulator/device/device.h"

#include <string.h>

extern const struct device_class i8042_class;

enum { OUT_KEYBOARD_IRQ, OUT_MOUSE_IRQ };

enum {
	STATUS_OUTPUT_FULL = 0x01,
	STATUS_SYSTEM = 0x04,
	STATUS_COMMAND = 0x08,  /* the last write was to port 64h */
	STATUS_UNLOCKED = 0x10, /* nobody has turned the key of the keyboard lock */
	STATUS_MOUSE = 0x20,
};

/* The command byte, which is byte 0 of the controller's RAM. */
enum {
	MODE_KEYBOARD_IRQ = 0x01,
	MODE_MOUSE_IRQ = 0x02,
	MODE_SYSTEM = 0x04,
	MODE_KEYBOARD_OFF = 0x10,
	MODE_MOUSE_OFF = 0x20,
	MODE_TRANSLATE = 0x40,
};

enum {
	COMMAND_READ_RAM = 0x20,  /* 20-3F */
	COMMAND_WRITE_RAM = 0x60, /* 60-7F */
	COMMAND_MOUSE_OFF = 0xa7,
	COMMAND_MOUSE_ON = 0xa8,
	COMMAND_TEST_MOUSE = 0xa9,
	COMMAND_SELF_TEST = 0xaa,
	COMMAND_TEST_KEYBOARD = 0xab,
	COMMAND_KEYBOARD_OFF = 0xad,
	COMMAND_KEYBOARD_ON = 0xae,
	COMMAND_READ_INPUT = 0xc0,
	COMMAND_READ_OUTPUT = 0xd0,
	COMMAND_WRITE_OUTPUT = 0xd1,
	COMMAND_FROM_KEYBOARD = 0xd2, /* the byte that follows appears as if it came from there */
	COMMAND_FROM_MOUSE = 0xd3,
	COMMAND_TO_MOUSE = 0xd4,
	COMMAND_A20_OFF = 0xdd, /* these two are clone makers' */
	COMMAND_A20_ON = 0xdf,
	COMMAND_PULSE = 0xf0, /* F0-FF: a 0 in bits 3-0 pulses that output */
};

enum { SELF_TEST_PASSED = 0x55, PORT_TEST_PASSED = 0x00, INPUT_UNLOCKED = 0x80 };

/* The output port. Bit 0 is the processor's reset line, low active. */
enum { OUTPUT_NO_RESET = 0x01, OUTPUT_A20 = 0x02, OUTPUT_IRQ1 = 0x10, OUTPUT_IRQ12 = 0x20 };

enum { ACK = 0xfa, RESEND = 0xfe, BAT_PASSED = 0xaa, SCAN_BREAK = 0xf0 };

/* Commands of both devices, then those of one. */
enum {
	PS2_ID = 0xf2,
	PS2_RATE = 0xf3,
	PS2_ENABLE = 0xf4,
	PS2_DISABLE = 0xf5,
	PS2_DEFAULTS = 0xf6,
	PS2_RESEND = 0xfe,
	PS2_RESET = 0xff,
	KEYBOARD_LEDS = 0xed,
	KEYBOARD_ECHO = 0xee,
	KEYBOARD_SCAN_SET = 0xf0,
	KEYBOARD_ALL_FIRST = 0xf7, /* F7-FA: type of all keys; FB-FD: of the key that follows */
	KEYBOARD_KEY_FIRST = 0xfb,
	KEYBOARD_KEY_LAST = 0xfd,
	MOUSE_SCALE_1 = 0xe6,
	MOUSE_SCALE_2 = 0xe7,
	MOUSE_RESOLUTION = 0xe8,
	MOUSE_STATUS = 0xe9,
	MOUSE_STREAM = 0xea,
	MOUSE_READ = 0xeb,
	MOUSE_NO_WRAP = 0xec,
	MOUSE_WRAP = 0xee,
	MOUSE_REMOTE = 0xf0,
};

/* Mouse status, first byte; packets have bit 3 always set. */
enum { MOUSE_IS_SCALED = 0x10, MOUSE_IS_ENABLED = 0x20, MOUSE_IS_REMOTE = 0x40, PACKET_ONE = 8 };

enum { QUEUE_SIZE = 16, QUEUE_REPLIES = 4, RAM_SIZE = 32, SET_1 = 1, SET_2 = 2 };

/* One PS/2 device's way to the controller, and what both kinds share. */
struct ps2 {
	uint8_t byte[QUEUE_SIZE];
	uint8_t head, count;
	uint8_t last;      /* sent, for RESEND */
	uint8_t parameter; /* the command that waits for its parameter, or 0 */
	uint8_t enabled;   /* scanning, or streaming */
};

struct i8042_state {
	struct ps2 keyboard, mouse;
	uint8_t ram[RAM_SIZE];
	uint8_t output_port;
	uint8_t parameter;              /* the command that waits for a byte at port 60h, or 0 */
	uint8_t last_command;           /* the last write was to port 64h */
	uint8_t data, full, from_mouse; /* output buffer */
	uint8_t reply, reply_waits, reply_from_mouse;
	uint8_t after_break; /* translation has seen F0 */
	uint8_t key_break;   /* the same in the keyboard itself, for set 1 */
	uint8_t scan_set;
	uint8_t mouse_scaled, mouse_remote, mouse_wrap, mouse_resolution, mouse_rate;
	uint8_t keyboard_replies; /* the first bytes of the keyboard's queue; scan codes follow */
	uint8_t from_controller;  /* what the output buffer has is a reply */
};

/* ---- scan codes ---- */

/* AT, "Keyboard Controller", scan code translation: set 2 to set 1, for 00-7F. */
static const uint8_t set2_to_set1[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

/*
 * F0 disappears and sets bit 7 of the byte that follows it. Above 7F only two keys are changed,
 * so that replies pass; the 83h of the keyboard's ID does not, and drivers expect it so.
 * Returns false when there is nothing to pass on.
 */
static bool translate(uint8_t *after_break, uint8_t *byte)
{
	uint8_t code = *byte;

	if (code == SCAN_BREAK) {
		*after_break = true;
		return false;
	}
	if (code < 0x80)
		code = set2_to_set1[code];
	else if (code == 0x83)
		code = 0x41;
	else if (code == 0x84)
		code = 0x54;
	*byte = *after_break ? code | 0x80 : code;
	*after_break = false;
	return true;
}

/* ---- what both devices do ---- */

static void ps2_send(struct ps2 *p, uint8_t byte)
{
	if (p->count == QUEUE_SIZE)
		return;
	p->byte[(p->head + p->count) % QUEUE_SIZE] = byte;
	p->count++;
	p->last = byte;
}

static uint8_t ps2_take(struct ps2 *p)
{
	uint8_t byte = p->byte[p->head];

	p->head = (p->head + 1) % QUEUE_SIZE;
	p->count--;
	return byte;
}

/* ---- the keyboard (AT, "Keyboard", "Commands from the System") ---- */

/*
 * A byte of a reply. Those "do not use a buffer position" among the scan codes and go first: there
 * is room, since i8042_char_room() leaves it.
 */
static void keyboard_send(struct i8042_state *s, uint8_t byte)
{
	struct ps2 *k = &s->keyboard;
	unsigned at = s->keyboard_replies;

	if (k->count == QUEUE_SIZE)
		return;
	for (unsigned i = k->count; i > at; i--)
		k->byte[(k->head + i) % QUEUE_SIZE] = k->byte[(k->head + i - 1) % QUEUE_SIZE];
	k->byte[(k->head + at) % QUEUE_SIZE] = byte;
	k->count++;
	k->last = byte;
	s->keyboard_replies++;
}

static uint8_t keyboard_take(struct i8042_state *s)
{
	if (s->keyboard_replies)
		s->keyboard_replies--;
	return ps2_take(&s->keyboard);
}

/* Acknowledges a command whose parameter is yet to come. */
static void keyboard_expect(struct i8042_state *s, uint8_t command)
{
	s->keyboard.parameter = command;
	keyboard_send(s, ACK);
}

static void keyboard_clear(struct i8042_state *s)
{
	s->keyboard.count = 0;
	s->keyboard_replies = 0;
}

static void keyboard_defaults(struct i8042_state *s)
{
	keyboard_clear(s);
	s->keyboard.parameter = 0;
	s->keyboard.enabled = true;
	s->scan_set = SET_2;
	s->key_break = false;
}

static void keyboard_parameter(struct i8042_state *s, uint8_t byte)
{
	struct ps2 *k = &s->keyboard;
	uint8_t command = k->parameter;

	k->parameter = 0;
	if (command != KEYBOARD_SCAN_SET || byte == SET_1 || byte == SET_2) {
		keyboard_send(s, ACK);
		if (command == KEYBOARD_SCAN_SET)
			s->scan_set = byte;
	} else if (byte == 0) {
		keyboard_send(s, ACK);
		keyboard_send(s, s->scan_set);
	} else {
		keyboard_send(s, RESEND); /* it has no set 3 */
	}
}

static void keyboard_command(struct i8042_state *s, uint8_t byte)
{
	struct ps2 *k = &s->keyboard;

	switch (byte) {
	case KEYBOARD_LEDS:
	case KEYBOARD_SCAN_SET:
	case PS2_RATE:
	case KEYBOARD_KEY_FIRST ... KEYBOARD_KEY_LAST:
		keyboard_expect(s, byte);
		break;
	case KEYBOARD_ALL_FIRST ... KEYBOARD_KEY_FIRST - 1:
		keyboard_send(s, ACK); /* of use with set 3 only */
		break;
	case KEYBOARD_ECHO:
		keyboard_send(s, KEYBOARD_ECHO);
		break;
	case PS2_ID:
		keyboard_send(s, ACK);
		keyboard_send(s, 0xab);
		keyboard_send(s, 0x83);
		break;
	case PS2_ENABLE:
		keyboard_clear(s);
		k->enabled = true;
		keyboard_send(s, ACK);
		break;
	case PS2_DISABLE:
	case PS2_DEFAULTS:
		keyboard_defaults(s);
		k->enabled = byte == PS2_DEFAULTS;
		keyboard_send(s, ACK);
		break;
	case PS2_RESEND:
		keyboard_send(s, k->last);
		break;
	case PS2_RESET:
		keyboard_defaults(s);
		keyboard_send(s, ACK);
		keyboard_send(s, BAT_PASSED);
		break;
	default:
		keyboard_send(s, RESEND);
		break;
	}
}

static void keyboard_write(struct i8042_state *s, uint8_t byte)
{
	/* Talking to the keyboard enables its port. */
	s->ram[0] &= ~MODE_KEYBOARD_OFF;
	/* What it has not sent of its reply to the byte before, nobody waits for any more. */
	while (s->keyboard_replies)
		keyboard_take(s);
	if (s->keyboard.parameter)
		keyboard_parameter(s, byte);
	else
		keyboard_command(s, byte);
}

/* ---- the mouse (PS/2, "Mouse", "Commands") ---- */

static void mouse_defaults(struct i8042_state *s)
{
	s->mouse.count = 0;
	s->mouse.parameter = 0;
	s->mouse.enabled = false;
	s->mouse_scaled = false;
	s->mouse_remote = false;
	s->mouse_wrap = false;
	s->mouse_resolution = 2;
	s->mouse_rate = 100;
}

static void mouse_parameter(struct i8042_state *s, uint8_t byte)
{
	if (s->mouse.parameter == PS2_RATE)
		s->mouse_rate = byte;
	else
		s->mouse_resolution = byte;
	s->mouse.parameter = 0;
	ps2_send(&s->mouse, ACK);
}

static void mouse_send_status(struct i8042_state *s)
{
	ps2_send(&s->mouse, (uint8_t)((s->mouse_remote ? MOUSE_IS_REMOTE : 0) |
				      (s->mouse.enabled ? MOUSE_IS_ENABLED : 0) |
				      (s->mouse_scaled ? MOUSE_IS_SCALED : 0)));
	ps2_send(&s->mouse, s->mouse_resolution);
	ps2_send(&s->mouse, s->mouse_rate);
}

/* Commands that are acknowledged; false for one that it does not know. */
static bool mouse_command(struct i8042_state *s, uint8_t byte)
{
	switch (byte) {
	case MOUSE_SCALE_1:
	case MOUSE_SCALE_2:
		s->mouse_scaled = byte == MOUSE_SCALE_2;
		return true;
	case MOUSE_RESOLUTION:
	case PS2_RATE:
		s->mouse.parameter = byte;
		return true;
	case MOUSE_STREAM:
	case MOUSE_REMOTE:
		s->mouse_remote = byte == MOUSE_REMOTE;
		return true;
	case MOUSE_NO_WRAP:
	case MOUSE_WRAP:
		s->mouse_wrap = byte == MOUSE_WRAP;
		return true;
	case PS2_ENABLE:
	case PS2_DISABLE:
		s->mouse.enabled = byte == PS2_ENABLE;
		return true;
	case PS2_DEFAULTS:
	case PS2_RESET:
		mouse_defaults(s);
		return true;
	case MOUSE_STATUS:
	case MOUSE_READ:
	case PS2_ID:
		return true;
	}
	return false;
}

/* What follows the acknowledge. */
static void mouse_answer(struct i8042_state *s, uint8_t byte)
{
	struct ps2 *m = &s->mouse;

	switch (byte) {
	case MOUSE_STATUS:
		mouse_send_status(s);
		break;
	case MOUSE_READ:
		ps2_send(m, PACKET_ONE);
		ps2_send(m, 0);
		ps2_send(m, 0);
		break;
	case PS2_ID:
		ps2_send(m, 0);
		break;
	case PS2_RESET:
		ps2_send(m, BAT_PASSED);
		ps2_send(m, 0);
		break;
	}
}

static void mouse_write(struct i8042_state *s, uint8_t byte)
{
	s->ram[0] &= ~MODE_MOUSE_OFF;
	if (s->mouse_wrap && byte != MOUSE_NO_WRAP && byte != PS2_RESET) {
		ps2_send(&s->mouse, byte);
	} else if (s->mouse.parameter) {
		mouse_parameter(s, byte);
	} else if (byte == PS2_RESEND) {
		ps2_send(&s->mouse, s->mouse.last);
	} else if (mouse_command(s, byte)) {
		ps2_send(&s->mouse, ACK);
		mouse_answer(s, byte);
	} else {
		ps2_send(&s->mouse, RESEND);
	}
}

/* ---- the controller ---- */

static void output(struct i8042_state *s, uint8_t byte, bool from_mouse)
{
	s->data = byte;
	s->full = true;
	s->from_mouse = from_mouse;
	s->from_controller = false;
}

/* Fills the output buffer if it is empty and something waits, and drives the interrupts. */
static void update(struct device *d)
{
	struct i8042_state *s = device_state(d);
	uint8_t mode = s->ram[0];

	/* The controller does not look whether its last reply was read. */
	if ((!s->full || s->from_controller) && s->reply_waits) {
		s->reply_waits = false;
		output(s, s->reply, s->reply_from_mouse);
		s->from_controller = true;
	}
	while (!s->full && s->keyboard.count && !(mode & MODE_KEYBOARD_OFF)) {
		uint8_t byte = keyboard_take(s);

		if (!(mode & MODE_TRANSLATE) || translate(&s->after_break, &byte))
			output(s, byte, false);
	}
	if (!s->full && s->mouse.count && !(mode & MODE_MOUSE_OFF))
		output(s, ps2_take(&s->mouse), true);
	irq_set(d->out[OUT_KEYBOARD_IRQ], s->full && !s->from_mouse && mode & MODE_KEYBOARD_IRQ);
	irq_set(d->out[OUT_MOUSE_IRQ], s->full && s->from_mouse && mode & MODE_MOUSE_IRQ);
}

static void reply(struct i8042_state *s, uint8_t byte, bool from_mouse)
{
	s->reply = byte;
	s->reply_waits = true;
	s->reply_from_mouse = from_mouse;
}

static void write_output_port(struct device *d, uint8_t value)
{
	struct i8042_state *s = device_state(d);

	s->output_port = value;
	device_set_a20(d, value & OUTPUT_A20);
	if (!(value & OUTPUT_NO_RESET))
		device_request_reset(d);
}

/* Bits 4 and 5 are the interrupt lines themselves. */
static uint8_t read_output_port(const struct i8042_state *s)
{
	uint8_t value = s->output_port & ~(OUTPUT_IRQ1 | OUTPUT_IRQ12);

	if (s->full)
		value |= s->from_mouse ? OUTPUT_IRQ12 : OUTPUT_IRQ1;
	return value;
}

static void command(struct device *d, uint8_t byte)
{
	struct i8042_state *s = device_state(d);

	s->parameter = 0;
	switch (byte) {
	case COMMAND_READ_RAM ... COMMAND_READ_RAM + RAM_SIZE - 1:
		reply(s, s->ram[byte % RAM_SIZE], false);
		break;
	case COMMAND_WRITE_RAM ... COMMAND_WRITE_RAM + RAM_SIZE - 1:
	case COMMAND_WRITE_OUTPUT:
	case COMMAND_FROM_KEYBOARD:
	case COMMAND_FROM_MOUSE:
	case COMMAND_TO_MOUSE:
		s->parameter = byte;
		break;
	case COMMAND_MOUSE_OFF:
		s->ram[0] |= MODE_MOUSE_OFF;
		break;
	case COMMAND_MOUSE_ON:
		s->ram[0] &= ~MODE_MOUSE_OFF;
		break;
	case COMMAND_KEYBOARD_OFF:
		s->ram[0] |= MODE_KEYBOARD_OFF;
		break;
	case COMMAND_KEYBOARD_ON:
		s->ram[0] &= ~MODE_KEYBOARD_OFF;
		break;
	case COMMAND_SELF_TEST:
		s->ram[0] |= MODE_SYSTEM;
		reply(s, SELF_TEST_PASSED, false);
		break;
	case COMMAND_TEST_MOUSE:
	case COMMAND_TEST_KEYBOARD:
		reply(s, PORT_TEST_PASSED, false);
		break;
	case COMMAND_READ_INPUT:
		reply(s, INPUT_UNLOCKED, false);
		break;
	case COMMAND_READ_OUTPUT:
		reply(s, read_output_port(s), false);
		break;
	case COMMAND_A20_OFF:
		write_output_port(d, s->output_port & ~OUTPUT_A20);
		break;
	case COMMAND_A20_ON:
		write_output_port(d, s->output_port | OUTPUT_A20);
		break;
	case COMMAND_PULSE ... COMMAND_PULSE + 15:
		/* Of the four outputs only the reset line does something in 6 us. */
		if (!(byte & OUTPUT_NO_RESET))
			device_request_reset(d);
		break;
	}
}

/* The byte that a command waited for. */
static void command_data(struct device *d, uint8_t byte)
{
	struct i8042_state *s = device_state(d);
	uint8_t to = s->parameter;

	s->parameter = 0;
	switch (to) {
	case 0:
		keyboard_write(s, byte);
		break;
	case COMMAND_WRITE_OUTPUT:
		write_output_port(d, byte);
		break;
	case COMMAND_FROM_KEYBOARD:
	case COMMAND_FROM_MOUSE:
		reply(s, byte, to == COMMAND_FROM_MOUSE);
		break;
	case COMMAND_TO_MOUSE:
		mouse_write(s, byte);
		break;
	default:
		s->ram[to % RAM_SIZE] = byte;
		break;
	}
}

static uint8_t read_data(struct device *d)
{
	struct i8042_state *s = device_state(d);
	uint8_t byte = s->data;

	if (s->full) {
		/* The lines fall first: the next byte is an edge of its own. */
		s->full = false;
		irq_set(d->out[OUT_KEYBOARD_IRQ], false);
		irq_set(d->out[OUT_MOUSE_IRQ], false);
		update(d);
	}
	return byte;
}

static uint8_t status(const struct i8042_state *s)
{
	return (uint8_t)(STATUS_UNLOCKED | (s->full ? STATUS_OUTPUT_FULL : 0) |
			 (s->full && s->from_mouse ? STATUS_MOUSE : 0) |
			 (s->ram[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0) |
			 (s->last_command ? STATUS_COMMAND : 0));
}

static uint64_t data_port_read(struct device *d, uint64_t offset, unsigned size)
{
	return read_data(d);
}

static void data_port_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8042_state *s = device_state(d);

	s->last_command = false;
	command_data(d, (uint8_t)value);
	update(d);
}

static uint64_t command_port_read(struct device *d, uint64_t offset, unsigned size)
{
	return status(device_state(d));
}

static void command_port_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8042_state *s = device_state(d);

	s->last_command = true;
	command(d, (uint8_t)value);
	update(d);
}

static const struct region_ops data_port_ops = {
    .read = data_port_read,
    .write = data_port_write,
    .max_size = 1,
};

static const struct region_ops command_port_ops = {
    .read = command_port_read,
    .write = command_port_write,
    .max_size = 1,
};

static int i8042_realize(struct device *d, struct error *e)
{
	if (device_add_ports(d, 0x60, 1, &data_port_ops, "keyboard-data", e))
		return -1;
	return device_add_ports(d, 0x64, 1, &command_port_ops, "keyboard-command", e);
}

/* Key strokes, in scan code set 2; with set 1 chosen the keyboard itself sends that. */
static size_t i8042_char_room(struct device *d)
{
	const struct i8042_state *s = device_state(d);
	const struct ps2 *k = &s->keyboard;

	if (!k->enabled || k->count >= QUEUE_SIZE - QUEUE_REPLIES)
		return 0;
	return QUEUE_SIZE - QUEUE_REPLIES - k->count;
}

static void i8042_char_in(struct device *d, const uint8_t *bytes, size_t size)
{
	struct i8042_state *s = device_state(d);

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = bytes[i];

		if (s->scan_set != SET_1 || translate(&s->key_break, &byte))
			ps2_send(&s->keyboard, byte);
	}
	update(d);
}

/*
 * As the self test of a PC leaves it, for software that is started without firmware: both ports
 * on, interrupting, scan codes translated, A20 enabled.
 */
static void i8042_reset(struct device *d)
{
	struct i8042_state *s = device_state(d);

	memset(s, 0, sizeof(*s));
	s->ram[0] = MODE_KEYBOARD_IRQ | MODE_MOUSE_IRQ | MODE_TRANSLATE;
	s->output_port = 0xcf;
	keyboard_defaults(s);
	mouse_defaults(s);
	irq_set(d->out[OUT_KEYBOARD_IRQ], false);
	irq_set(d->out[OUT_MOUSE_IRQ], false);
}

const struct device_class i8042_class = {
    .name = "i8042",
    .description = "keyboard controller with keyboard and mouse",
    .state_size = sizeof(struct i8042_state),
    .realize = i8042_realize,
    .reset = i8042_reset,
    .char_room = i8042_char_room,
    .char_in = i8042_char_in,
};
