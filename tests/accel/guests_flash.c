/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that run from flash, with a second chip of 4 KiB below theirs that holds 11h in every
 * byte: what is read from an array makes no exit, everything else does. The commands are those of
 * emulator/device/cfi01.c.
 */
#include "tests/accel/guest.h"

/* clang-format off */
const struct guest guests_flash[] = {
	{"flash: array and identifiers", FLASH, {
		0xbf, 0x00, 0xf0, 0xfe, 0xff,                     /* mov edi, fffef000h */
		0x8a, 0x07, 0xe6, 0xe0,                           /* mov al, [edi]; out e0h, al */
		0xc6, 0x07, 0x90,                                 /* mov byte ptr [edi], 90h */
		0x8b, 0x07, 0xe7, 0xe0,                           /* mov eax, [edi]; out e0h, eax */
		0xc6, 0x07, 0xff,                                 /* mov byte ptr [edi], ffh */
		0x8b, 0x07, 0xe7, 0xe0,                           /* mov eax, [edi]; out e0h, eax */
		0xfa, 0xf4 },
	  .exit = { OUT(1, 0xe0, 0x11), STORE(1, 0xfffef000, 0x90), LOAD(4, 0xfffef000, 0x16168989),
		    OUT(4, 0xe0, 0x16168989), STORE(1, 0xfffef000, 0xff), OUT(4, 0xe0, 0x11111111) } },
	{"flash: program and erase", FLASH, {
		0xbf, 0x00, 0xf0, 0xfe, 0xff,                     /* mov edi, fffef000h */
		0xc6, 0x07, 0x40, 0xc6, 0x07, 0x01,               /* mov byte ptr [edi], 40h, then 1 */
		0x8a, 0x07, 0xe6, 0xe0,                           /* mov al, [edi]; out e0h, al */
		0xc6, 0x07, 0xff,                                 /* mov byte ptr [edi], ffh */
		0x8a, 0x07, 0xe6, 0xe0,                           /* mov al, [edi]; out e0h, al */
		0xc6, 0x07, 0x20, 0xc6, 0x07, 0xd0,               /* mov byte ptr [edi], 20h, then d0h */
		0xc6, 0x07, 0xff,                                 /* mov byte ptr [edi], ffh */
		0x8b, 0x07, 0xe7, 0xe0,                           /* mov eax, [edi]; out e0h, eax */
		0xfa, 0xf4 },
	  .exit = { STORE(1, 0xfffef000, 0x40), STORE(1, 0xfffef000, 1), LOAD(1, 0xfffef000, 0x80),
		    OUT(1, 0xe0, 0x80), STORE(1, 0xfffef000, 0xff), OUT(1, 0xe0, 1),
		    STORE(1, 0xfffef000, 0x20), STORE(1, 0xfffef000, 0xd0),
		    STORE(1, 0xfffef000, 0xff), OUT(4, 0xe0, 0xffffffff) } },
	/* MOV AL, FFh; RET. Then another number over the FFh, which has just been executed. */
	{"flash: code that is programmed", FLASH, {
		0xbf, 0x00, 0xf0, 0xfe, 0xff,                     /* mov edi, fffef000h */
		0xc6, 0x07, 0x20, 0xc6, 0x07, 0xd0,               /* mov byte ptr [edi], 20h, then d0h */
		0xc6, 0x07, 0x40, 0xc6, 0x07, 0xb0,               /* mov byte ptr [edi], 40h, then b0h */
		0xc6, 0x47, 0x02, 0x40,                           /* mov byte ptr [edi + 2], 40h */
		0xc6, 0x47, 0x02, 0xc3,                           /* mov byte ptr [edi + 2], c3h */
		0xc6, 0x07, 0xff,                                 /* mov byte ptr [edi], ffh */
		0xff, 0xd7, 0xe6, 0xe0,                           /* call edi; out e0h, al */
		0xc6, 0x47, 0x01, 0x40,                           /* mov byte ptr [edi + 1], 40h */
		0xc6, 0x47, 0x01, 0x12,                           /* mov byte ptr [edi + 1], 12h */
		0xc6, 0x07, 0xff,                                 /* mov byte ptr [edi], ffh */
		0xff, 0xd7, 0xe6, 0xe0,                           /* call edi; out e0h, al */
		0xfa, 0xf4 },
	  .exit = { STORE(1, 0xfffef000, 0x20), STORE(1, 0xfffef000, 0xd0), STORE(1, 0xfffef000, 0x40),
		    STORE(1, 0xfffef000, 0xb0), STORE(1, 0xfffef002, 0x40),
		    STORE(1, 0xfffef002, 0xc3), STORE(1, 0xfffef000, 0xff), OUT(1, 0xe0, 0xff),
		    STORE(1, 0xfffef001, 0x40), STORE(1, 0xfffef001, 0x12),
		    STORE(1, 0xfffef000, 0xff), OUT(1, 0xe0, 0x12) } },
	/* The lower half goes to the chip, the upper half comes from the array above it; a write goes
	 * to both chips, and leaves the array of the one that the guest runs from where it is. */
	{"flash: across two chips", FLASH, {
		0xbf, 0xfe, 0xff, 0xfe, 0xff,                     /* mov edi, fffefffeh */
		0xc6, 0x07, 0x70,                                 /* mov byte ptr [edi], 70h */
		0x8b, 0x07, 0xe7, 0xe0,                           /* mov eax, [edi]; out e0h, eax */
		0xc7, 0x07, 0xff, 0xff, 0xff, 0xff,               /* mov dword ptr [edi], ffffffffh */
		0x8b, 0x07, 0xe7, 0xe0,                           /* mov eax, [edi]; out e0h, eax */
		0xfa, 0xf4 },
	  .exit = { STORE(1, 0xfffefffe, 0x70), LOAD(2, 0xfffefffe, 0x8080),
		    OUT(4, 0xe0, 0xfebf8080), STORE(2, 0xfffefffe, 0xffff),
		    STORE(2, 0xffff0000, 0xffff), OUT(4, 0xe0, 0xfebf1111) } },
	{.name = NULL},
};
/* clang-format on */
