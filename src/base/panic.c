#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "panic: %s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

void *must_alloc(size_t size)
{
	return must_realloc(NULL, size);
}

void *must_zalloc(size_t size)
{
	return memset(must_alloc(size), 0, size);
}

void *must_realloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);
	if (!q)
		panic("out of memory for %zu bytes", size);
	return q;
}

char *must_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(must_alloc(n), s, n);
}
