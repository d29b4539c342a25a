/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a place between two exits again, in a replay on KVM: by a breakpoint of the host's in a
 * debug register, which lets the guest run at full speed until it is there. Whether the state is
 * the right one too is asked by the run loop, which comes back here if not.
 *
 * KVM's single-step is not used: with it the guest's own TF, PUSHF, INT and debug registers are
 * not as they would be. The interpreter goes instead:
 *
 *  - one instruction from where the guest stands, when that is where the breakpoint is to be;
 *  - through the delivery of what was just injected, as its handler's first instruction may be
 *    the place, and nothing is executed on the way there;
 *  - when the guest came by so often, in other states, that breakpoints cost more than they save;
 *  - where KVM ignores breakpoints (measure.h);
 *  - in a guest that uses TF or debug registers itself. (One that begins to within the stretch
 *    has its breakpoints ignored up to the place: KVM has the host's in effect, not both.)
 */
#include <string.h>

#include "emulator/accel/kvm/kvm.h"
#include "emulator/cpu/debug.h"

/* Coming by once costs as much as some thousand instructions of the interpreter. */
#define HITS_MAX 16

static bool guest_debug(struct kvm *k, uint32_t control, uint64_t breakpoint)
{
	struct kvm_guest_debug d = {.control = control};

	if (control & KVM_GUESTDBG_USE_HW_BP) {
		d.arch.debugreg[0] = breakpoint;
		d.arch.debugreg[7] = DR7_FIXED | 2; /* DR0 on, execution */
	}
	if (!kvm_ioctl(k->vcpu, KVM_SET_GUEST_DEBUG, &d))
		return true;
	kvm_fail(k, "KVM_SET_GUEST_DEBUG");
	return false;
}

static uint64_t linear_rip(const struct cpu *c)
{
	return ((c->code_bits == 64 ? 0 : c->seg[SEG_CS].base) + c->reg[GPR_RIP]) & c->linear_mask;
}

/* To a breakpoint, or where run() comes back. False when a trap of the guest's own came. */
static bool run_to_breakpoint(struct kvm *k, uint64_t linear)
{
	struct vcpu *v = &k->m->vcpu;

	if (!guest_debug(k, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, linear))
		return true;
	k->run->exit_reason = KVM_EXIT_UNKNOWN;
	/* An open window is of no interest: the place is where the interrupt comes, if one does. */
	k->m->window = false;
	kvm_enter(k);
	if (!guest_debug(k, 0, 0) || k->cpu_newer || k->run->exit_reason != KVM_EXIT_DEBUG ||
	    !kvm_state_get(k) || linear_rip(v->c) == linear)
		return true;
	/* It did not reach the guest: the interpreter delivers it. */
	k->cpu_newer = true;
	vcpu_state_replaced(v);
	v->c->pending_db = k->run->debug.arch.dr6 & (DR6_BS | DR6_BT | 0xf);
	return false;
}

/* Another place than last time: it was not hit yet. */
static void place_begin(struct kvm *k, const struct host_place *place)
{
	uint64_t exits = machine_position(k->m).exits;

	if (k->place_exits == exits && k->place.rip == place->rip &&
	    k->place.linear == place->linear)
		return;
	k->place = *place;
	k->place_exits = exits;
	k->place_hits = 0;
}

void kvm_run_to(struct vcpu *v, const struct host_place *place)
{
	struct kvm *k = kvm_of(v->machine);
	uint64_t linear;

	place_begin(k, place);
	kvm_alarm_renew(k);
	if (k->injected != INJECTED_NONE) {
		kvm_interpret_injected(k);
		if (v->c->reg[GPR_RIP] == place->rip)
			return;
	}
	if (!kvm_state_get(k))
		return;
	linear = place->linear & (v->c->code_bits == 64 ? UINT64_MAX : UINT32_MAX);
	if (++k->place_hits > HITS_MAX || (v->c->dr[7] & DR7_ANY) || (v->c->rflags & FLAG_TF) ||
	    (place->cpl == 3 && k->manners.misses_breakpoints)) {
		kvm_interpret_to(k, place->rip);
		return;
	}
	if (linear_rip(v->c) == linear) {
		kvm_interpret_one(k);
		if (!v->limit || linear_rip(v->c) == linear)
			return;
	}
	if (!run_to_breakpoint(k, linear))
		kvm_interpret_to(k, place->rip);
}
