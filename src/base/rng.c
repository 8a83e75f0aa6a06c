#include "base/rng.h"

#include <sys/random.h>
#include <sys/types.h>

#include "base/panic.h"

void random_bytes(void *out, size_t len)
{
	char *p = out;
	while (len) {
		ssize_t n = getrandom(p, len, 0);
		if (n <= 0)
			panic("getrandom failed");
		p += n, len -= (size_t)n;
	}
}
