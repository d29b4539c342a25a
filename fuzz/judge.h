/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold whatever a guest does, beyond what sanitizers see. An objection prints one line
 * and aborts, in the midst of the device that caused it where that is possible, so that engines
 * take it for a crash and sort it by its stack.
 *
 *  work          an operation makes a device do a bounded amount of it: calls between devices,
 *                timers, bytes of DMA and of output; and a second of processor time at most
 *  own state     a device writes to its own state, and to those of devices that it is wired to as
 *                one (device.peer; PCI functions): guards between states, and under ASan all other
 *                states are poisoned while it runs
 *  restore       the machine is, byte for byte, what it was when the snapshot was taken
 *  determinism   the same input gives the same events, and so it does when the machine is saved,
 *                put back and started from elsewhere in the middle
 *  lines         an input pin has the level that those who drive it ask for, all together; and is
 *                low after a reset
 *  reset         after one, a state is that of a machine just switched on, but for what the class
 *                says is kept (device_class.kept), which is as before
 *  store         what outlives the machine is changed within its size, and if it may be
 *  outside       a device asks nobody but struct host for time, chance and files, and keeps no
 *                pointer of this process in its state
 *
 * Determinism and restore cost a second run, which has other bytes on the stack where nobody wrote;
 * one input in 64, chosen by its bytes, is run so.
 */
#ifndef VCR_FUZZ_JUDGE_H
#define VCR_FUZZ_JUDGE_H

/* For tests and minimisers: called with the line instead of printing it and aborting. */
void judge_set_objection(void (*objection)(void *opaque, const char *text), void *opaque);

#endif
