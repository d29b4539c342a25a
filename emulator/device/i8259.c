/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel 8259A programmable interrupt controller, used twice on a PC: the master with IRQ 0-7 and
 * the slave with IRQ 8-15, whose INT drives the master's input 2. Section names in comments are
 * those of the Intel 8259A data sheet (order number 231468).
 *
 * Three registers say everything: IRR (inputs that ask), IMR (those that may not), ISR (those
 * whose handler runs). INT is high while some unmasked request beats every one in service, in an
 * order that starts at input `first` and goes round. It is worked out anew after every change.
 *
 * Where PC chip sets differ from the part, this follows them and QEMU: edge or level is chosen
 * per input by the ELCR (Intel 82371SB data sheet, 2.5.11) and not by LTIM of ICW1; an edge stays
 * latched when its input falls before the acknowledge; MCS-80 mode does not exist.
 */
#include "emulator/device/i8259.h"

enum { INPUTS = 8, CASCADE = 2, SPURIOUS = 7 };

/* ICW1, OCW2 and OCW3, told apart by bits 4 and 3 of a write to the even port. */
enum {
	ICW1_IC4 = 0x01,  /* ICW4 will follow */
	ICW1_SNGL = 0x02, /* no cascade: ICW3 will not follow */
	ICW1 = 0x10,
	OCW3 = 0x08,
	OCW3_RIS = 0x01, /* with RR: read the ISR (1) or the IRR (0) */
	OCW3_RR = 0x02,
	OCW3_POLL = 0x04,
	OCW3_SMM = 0x20, /* with ESMM: special mask mode on or off */
	OCW3_ESMM = 0x40,
	ICW4_AEOI = 0x02,
	ICW4_SFNM = 0x10,
};

/* OCW2 bits 7-5: R, SL, EOI. */
enum {
	OCW2_AEOI_ROTATE_CLEAR = 0,
	OCW2_EOI = 1,
	OCW2_SPECIFIC_EOI = 3,
	OCW2_AEOI_ROTATE_SET = 4,
	OCW2_ROTATE_EOI = 5,
	OCW2_SET_PRIORITY = 6,
	OCW2_ROTATE_SPECIFIC_EOI = 7,
};

/* Which byte the next write to the odd port is. */
enum { EXPECT_OCW1, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };

struct i8259_state {
	uint8_t lines;   /* levels of the inputs now */
	uint8_t latched; /* edges seen and not yet acknowledged */
	uint8_t imr, isr;
	uint8_t elcr;
	uint8_t base;  /* vector of input 0 */
	uint8_t first; /* input of highest priority */
	uint8_t expect;
	uint8_t icw4_follows, single;
	uint8_t auto_eoi, auto_rotate, special_nested, special_mask;
	uint8_t read_isr, poll;
};

static const struct i8259_config *config(const struct device *d)
{
	return d->data;
}

/* Level inputs ask as long as they are high, edge inputs from the edge on. */
static uint8_t irr(const struct i8259_state *s)
{
	return (uint8_t)((s->lines & s->elcr) | (s->latched & ~s->elcr));
}

/* Rank, 0 the highest, of the first input in `set`; INPUTS when it is empty. */
static unsigned rank_of(const struct i8259_state *s, uint8_t set)
{
	unsigned rank = 0;

	while (rank < INPUTS && !(set & 1 << (s->first + rank) % INPUTS))
		rank++;
	return rank;
}

/* The input that asks the processor now, or -1 ("Fully Nested Mode"). */
static int requested(const struct device *d)
{
	const struct i8259_state *s = device_state(d);
	unsigned asking = rank_of(s, irr(s) & ~s->imr);
	uint8_t serving = s->isr;

	/* "Special Mask Mode": masked inputs in service hold nobody back. */
	if (s->special_mask)
		serving &= ~s->imr;
	/* "The Special Fully Nested Mode": the slave may ask again while it is served. */
	if (s->special_nested && !config(d)->slave)
		serving &= ~(1 << CASCADE);
	if (asking >= rank_of(s, serving))
		return -1;
	return (int)((s->first + asking) % INPUTS);
}

static void update(struct device *d)
{
	irq_set(d->out[0], requested(d) >= 0);
}

static void set_first(struct i8259_state *s, unsigned input)
{
	s->first = (uint8_t)(input % INPUTS);
}

/* What an acknowledge does to the registers ("Interrupt Sequence", steps 3 and 5). */
static void begin_service(struct device *d, unsigned input)
{
	struct i8259_state *s = device_state(d);

	s->latched &= ~(1 << input);
	if (!s->auto_eoi)
		s->isr |= 1 << input;
	else if (s->auto_rotate)
		set_first(s, input + 1);
	/* INT goes low in between, so that the next request is an edge for whom it drives. */
	irq_set(d->out[0], false);
	update(d);
}

uint8_t i8259_acknowledge(struct device *master)
{
	struct device *slave = master->peer;
	int input = requested(master);
	int from;

	if (input >= 0)
		begin_service(master, (unsigned)input);
	else
		input = SPURIOUS;
	if (input != CASCADE || !slave) {
		const struct i8259_state *s = device_state(master);

		return (uint8_t)(s->base + input);
	}
	from = requested(slave);
	if (from >= 0)
		begin_service(slave, (unsigned)from);
	else
		from = SPURIOUS;
	return (uint8_t)(((const struct i8259_state *)device_state(slave))->base + from);
}

static void i8259_set_irq(struct device *d, unsigned pin, bool level)
{
	struct i8259_state *s = device_state(d);
	uint8_t bit;

	if (pin >= INPUTS)
		return;
	bit = (uint8_t)(1 << pin);
	if (level == !!(s->lines & bit))
		return; /* devices say their level more often than they change it */
	s->lines ^= bit;
	/* A level input leaves no edge behind, whatever the ELCR says later. */
	if (level && !(s->elcr & bit))
		s->latched |= bit;
	update(d);
}

static bool i8259_get_irq(const struct device *d, unsigned pin)
{
	const struct i8259_state *s = device_state(d);

	return pin < INPUTS && (s->lines >> pin & 1);
}

/* ---- commands ---- */

/* "Initialization Command Words 1 and 2": what ICW1 clears. ELCR and lines stay. */
static void write_icw1(struct i8259_state *s, uint8_t value)
{
	struct i8259_state fresh = {.lines = s->lines, .elcr = s->elcr};

	*s = fresh;
	s->expect = EXPECT_ICW2;
	s->icw4_follows = value & ICW1_IC4;
	s->single = value & ICW1_SNGL;
}

static void write_ocw2(struct i8259_state *s, uint8_t value)
{
	unsigned command = value >> 5;
	unsigned input = value % INPUTS;
	unsigned rank;

	switch (command) {
	case OCW2_AEOI_ROTATE_CLEAR:
	case OCW2_AEOI_ROTATE_SET:
		s->auto_rotate = command == OCW2_AEOI_ROTATE_SET;
		break;
	case OCW2_EOI:
	case OCW2_ROTATE_EOI:
		/* "a non-specific EOI ... will not clear an IS bit that is masked" under SMM. */
		rank = rank_of(s, s->special_mask ? s->isr & ~s->imr : s->isr);
		if (rank == INPUTS)
			break;
		input = (s->first + rank) % INPUTS;
		s->isr &= ~(1 << input);
		if (command == OCW2_ROTATE_EOI)
			set_first(s, input + 1);
		break;
	case OCW2_SPECIFIC_EOI:
	case OCW2_ROTATE_SPECIFIC_EOI:
		s->isr &= ~(1 << input);
		if (command == OCW2_ROTATE_SPECIFIC_EOI)
			set_first(s, input + 1);
		break;
	case OCW2_SET_PRIORITY:
		/* The command names the input of lowest priority. */
		set_first(s, input + 1);
		break;
	}
}

static void write_ocw3(struct i8259_state *s, uint8_t value)
{
	if (value & OCW3_POLL)
		s->poll = true;
	if (value & OCW3_RR)
		s->read_isr = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		s->special_mask = !!(value & OCW3_SMM);
}

static void write_odd(struct i8259_state *s, uint8_t value)
{
	switch (s->expect) {
	case EXPECT_OCW1:
		s->imr = value;
		break;
	case EXPECT_ICW2:
		s->base = value & 0xf8;
		s->expect = !s->single ? EXPECT_ICW3 : s->icw4_follows ? EXPECT_ICW4 : EXPECT_OCW1;
		break;
	case EXPECT_ICW3:
		/* Who hangs where is the board's wiring. */
		s->expect = s->icw4_follows ? EXPECT_ICW4 : EXPECT_OCW1;
		break;
	case EXPECT_ICW4:
		s->auto_eoi = !!(value & ICW4_AEOI);
		s->special_nested = !!(value & ICW4_SFNM);
		s->expect = EXPECT_OCW1;
		break;
	}
}

static void i8259_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8259_state *s = device_state(d);
	uint8_t byte = (uint8_t)value;

	if (offset == 1)
		write_odd(s, byte);
	else if (byte & ICW1)
		write_icw1(s, byte);
	else if (byte & OCW3)
		write_ocw3(s, byte);
	else
		write_ocw2(s, byte);
	update(d);
}

/* "Poll Command": the read acknowledges; bit 7 says whether there was a request. */
static uint8_t read_poll(struct device *d)
{
	struct i8259_state *s = device_state(d);
	int input = requested(d);

	s->poll = false;
	if (input < 0)
		return 0;
	begin_service(d, (unsigned)input);
	return (uint8_t)(0x80 | input);
}

static uint64_t i8259_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct i8259_state *s = device_state(d);

	if (s->poll)
		return read_poll(d);
	if (offset == 1)
		return s->imr;
	return s->read_isr ? s->isr : irr(s);
}

static uint64_t elcr_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct i8259_state *s = device_state(d);

	return s->elcr;
}

static void elcr_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8259_state *s = device_state(d);

	s->elcr = (uint8_t)value & config(d)->elcr_mask;
	s->latched &= ~s->elcr;
	update(d);
}

static const struct region_ops i8259_ops = {
    .read = i8259_read,
    .write = i8259_write,
    .max_size = 1,
};

static const struct region_ops elcr_ops = {
    .read = elcr_read,
    .write = elcr_write,
    .max_size = 1,
};

static int i8259_realize(struct device *d, struct error *e)
{
	const struct i8259_config *c = config(d);

	if (device_add_ports(d, c->base, 2, &i8259_ops, c->slave ? "pic-slave" : "pic-master", e))
		return -1;
	return device_add_ports(d, c->elcr, 1, &elcr_ops, c->slave ? "elcr-slave" : "elcr-master",
				e);
}

/*
 * The part has no reset pin: until ICW1 its registers are anything. All clear, as after ICW1 and
 * a zero ICW2, is what chip sets do. Input levels belong to those who drive them; each of them
 * lowers its lines when it is reset itself.
 */
static void i8259_reset(struct device *d)
{
	struct i8259_state *s = device_state(d);

	*s = (struct i8259_state){.lines = s->lines};
	irq_set(d->out[0], false);
}

/* A slave asks by way of its master, which has it at input 2. */
static unsigned i8259_wakes(const struct device *d)
{
	const struct i8259_state *s = device_state(d);
	const struct i8259_state *slave = d->peer ? device_state(d->peer) : NULL;
	uint8_t masked = s->imr | (slave && slave->imr == 0xff ? 1 << 2 : 0);

	return !config(d)->slave && masked != 0xff ? WAKES_INTERRUPT : 0;
}

const struct device_class i8259_class = {
    .name = "i8259",
    .description = "programmable interrupt controller",
    .state_size = sizeof(struct i8259_state),
    .realize = i8259_realize,
    .reset = i8259_reset,
    .set_irq = i8259_set_irq,
    .get_irq = i8259_get_irq,
    .acknowledge = i8259_acknowledge,
    .wakes = i8259_wakes,
};
