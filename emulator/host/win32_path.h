/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as they are written in MSYS2's shell. That shell makes /c/x in a word of its own C:/x
 * before a program sees it, but leaves the second of two alone (/c/x,/c/y), and all of them when
 * it was told to. To Windows /c/x is the folder c of the current drive.
 */
#ifndef VCR_HOST_WIN32_PATH_H
#define VCR_HOST_WIN32_PATH_H

#include <stdbool.h>
#include <string.h>

#define WIN32_PATH_DRIVE_MAX 3

/* Is it /X or /X/...? `folder` becomes "/X", which may be a folder all the same. */
static inline bool win32_path_names_drive(const char *path, char folder[WIN32_PATH_DRIVE_MAX])
{
	char letter = path[0] == '/' ? path[1] : 0;

	if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) ||
	    (path[2] && path[2] != '/'))
		return false;
	folder[0] = '/';
	folder[1] = letter;
	folder[2] = 0;
	return true;
}

/* Writes "X:/..." for such a path, one byte longer at most, with the 0. */
static inline void win32_path_on_drive(const char *path, char *drive)
{
	drive[0] = path[1];
	drive[1] = ':';
	strcpy(drive + 2, path[2] ? path + 2 : "/");
}

#endif
