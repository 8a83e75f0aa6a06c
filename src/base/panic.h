/* panic.h - our own contract is broken: say what and abort, in release builds
 * too. Never for bad input or a failing environment (that is struct err). */
#ifndef TREATY_PANIC_H
#define TREATY_PANIC_H

#include <stddef.h>

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* malloc and realloc for small things: they abort instead of returning NULL. */
void *must_alloc(size_t size);
void *must_zalloc(size_t size);
void *must_realloc(void *p, size_t size);
char *must_strdup(const char *s);

#define countof(a) (sizeof(a) / sizeof((a)[0]))

#endif
