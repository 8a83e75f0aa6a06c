/* arena.h - memory for one unit of work, freed in one place.
 *
 * An arena belongs to one thread at a time. Nothing in it is freed alone:
 * arena_reset gives everything back at once and keeps the first block for the
 * next unit. Out of memory aborts (see panic.h): sizes that a peer decides go
 * through a struct buf with a maximum first. */
#ifndef TREATY_ARENA_H
#define TREATY_ARENA_H

#include <stdarg.h>

#include "base/sv.h"

struct arena_block;

struct arena {
	struct arena_block *first;
	struct arena_block *now;
};

void arena_init(struct arena *a);
void arena_reset(struct arena *a);
void arena_finish(struct arena *a);

/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

/* Copies; the copy also ends in a NUL, which is not counted. */
struct sv arena_sv(struct arena *a, struct sv s);
char *arena_str(struct arena *a, struct sv s);
struct sv arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(2)));
struct sv arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0), nonnull(2)));

#endif
