/* scratch_dir.h - a new directory for the files of a test, under $TMPDIR. The
 * test removes it; ./check removes what a test leaves that failed. */
#ifndef TREATY_SCRATCH_DIR_H
#define TREATY_SCRATCH_DIR_H

#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"

enum { SCRATCH_DIR_MAX = 200, SCRATCH_PATH_MAX = 256 };

static inline void scratch_dir(char dir[static SCRATCH_DIR_MAX])
{
	const char *tmp = getenv("TMPDIR");
	int len = snprintf(dir, SCRATCH_DIR_MAX, "%s/treaty-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (len >= SCRATCH_DIR_MAX || !mkdtemp(dir))
		panic("no directory for a test in %s", tmp ? tmp : "/tmp");
}

#endif
