/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM's exits in the vocabulary of exit.h. Nothing is decided here.
 *
 * KVM itself cuts MMIO into pieces of at most 8 bytes within one page, in ascending order; its
 * PIO exits with a count become one exit per item. The RIP that KVM shows with an exit is the
 * instruction's for a read; for a write KVM may have gone on to the next instruction already.
 */
#include <errno.h>
#include <string.h>

#include "emulator/accel/kvm/kvm.h"

static uint64_t rip_of(const struct kvm *k)
{
	return k->run->s.regs.regs.rip;
}

static void exit_pio(struct kvm *k)
{
	struct kvm_run *run = k->run;
	uint8_t *at = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, at += run->io.size) {
		struct exit e = {
		    .kind = EXIT_PIO,
		    .is_write = run->io.direction == KVM_EXIT_IO_OUT,
		    .size = run->io.size,
		    .address = run->io.port,
		    .rip = rip_of(k),
		};

		if (e.is_write)
			memcpy(&e.data, at, run->io.size);
		machine_exit(k->m, &e);
		if (!e.is_write)
			memcpy(at, &e.data, run->io.size);
	}
}

static void exit_mmio(struct kvm *k)
{
	struct kvm_run *run = k->run;
	struct exit e = {
	    .kind = EXIT_MMIO,
	    .is_write = run->mmio.is_write,
	    .size = (uint8_t)run->mmio.len,
	    .address = run->mmio.phys_addr,
	    .rip = rip_of(k),
	};

	if (e.is_write)
		memcpy(&e.data, run->mmio.data, run->mmio.len);
	machine_exit(k->m, &e);
	if (!e.is_write)
		memcpy(run->mmio.data, &e.data, run->mmio.len);
}

static void exit_msr(struct kvm *k, bool is_write)
{
	struct kvm_run *run = k->run;
	struct vcpu *v = &k->m->vcpu;
	uint64_t value = run->msr.data;

	/* msr.c takes the RIP of its exits from there. */
	if (!k->cpu_current)
		v->c->reg[GPR_RIP] = rip_of(k);
	run->msr.error = !vcpu_msr(v, run->msr.index, is_write, &value);
	if (!is_write)
		run->msr.data = value;
}

static void exit_hlt(struct kvm *k)
{
	struct exit e = {.kind = EXIT_HLT, .is_write = true, .rip = rip_of(k)};

	k->m->vcpu.c->halted = true;
	machine_exit(k->m, &e);
	vcpu_kick(&k->m->vcpu);
}

static void exit_shutdown(struct kvm *k)
{
	struct exit e = {.kind = EXIT_SHUTDOWN, .is_write = true, .rip = rip_of(k)};

	machine_exit(k->m, &e);
	vcpu_kick(&k->m->vcpu);
}

static void exit_error(struct kvm *k)
{
	struct kvm_run *run = k->run;

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
		kvm_emulate(k);
		return;
	}
	if (!k->m->failure.kind)
		error_set(&k->m->failure, ERROR_HOST,
			  "KVM cannot go on: internal error %u at rip 0x%llx (try -accel tcg)",
			  run->internal.suberror, (unsigned long long)rip_of(k));
	machine_stop(k->m, STOP_FAILED, 0);
}

bool kvm_exit(struct kvm *k)
{
	struct machine *m = k->m;
	struct kvm_run *run = k->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_pio(k);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(k);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		exit_msr(k, run->exit_reason == KVM_EXIT_X86_WRMSR);
		break;
	case KVM_EXIT_HLT:
		exit_hlt(k);
		break;
	case KVM_EXIT_SHUTDOWN:
		exit_shutdown(k);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		exit_error(k);
		return k->cpu_newer && !m->vcpu.limit;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_DEBUG:
		m->between = true;
		return true;
	case KVM_EXIT_SET_TPR:
		/* CR8 was lowered; kvm.c has taken it. The MOV is finished: KVM has skipped it. */
		if (!machine_priority_opened(m))
			break;
		m->between = true;
		return true;
	case KVM_EXIT_INTR:
		break;
	default:
		if (!m->failure.kind)
			error_set(
			    &m->failure, ERROR_HOST,
			    "KVM came back with exit reason %u at rip 0x%llx (try -accel tcg)",
			    run->exit_reason, (unsigned long long)rip_of(k));
		machine_stop(m, STOP_FAILED, 0);
		return true;
	}
	return false;
}
