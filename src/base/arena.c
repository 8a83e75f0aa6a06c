#include "base/arena.h"

#include "base/panic.h"

/* A small unit of work takes one small block; a large one soon takes blocks
 * that malloc maps and gives back to the system one by one, where a thousand
 * small ones would stay in the heap of the thread that needed them once. */
enum { BLOCK_FIRST = 16 * 1024, BLOCK_MAX = 256 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char data[];
};

static struct arena_block *block_create(size_t size)
{
	struct arena_block *b = must_alloc(sizeof(*b) + size);
	b->next = NULL;
	b->used = 0;
	b->size = size;
	return b;
}

void arena_init(struct arena *a)
{
	a->first = a->now = NULL;
}

void arena_reset(struct arena *a)
{
	if (!a->first)
		return;
	for (struct arena_block *b = a->first->next, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->first->next = NULL;
	a->first->used = 0;
	a->now = a->first;
}

void arena_finish(struct arena *a)
{
	arena_reset(a);
	free(a->first);
	arena_init(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t align = _Alignof(max_align_t);
	size = (size + align - 1) & ~(align - 1);
	if (!a->now || a->now->size - a->now->used < size) {
		size_t usual = !a->now			 ? BLOCK_FIRST :
			       a->now->size < BLOCK_MAX / 2 ? a->now->size * 2 :
							      BLOCK_MAX;
		struct arena_block *b = block_create(size > usual ? size : usual);
		if (a->now)
			a->now->next = b;
		else
			a->first = b;
		a->now = b;
	}
	void *p = a->now->data + a->now->used;
	a->now->used += size;
	return memset(p, 0, size);
}

struct sv arena_sv(struct arena *a, struct sv s)
{
	return sv_make(arena_str(a, s), s.len);
}

char *arena_str(struct arena *a, struct sv s)
{
	char *p = arena_alloc(a, s.len + 1);
	if (s.len)
		memcpy(p, s.ptr, s.len);
	return p;
}

struct sv arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		panic("arena_printf: bad format '%s'", fmt);
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return sv_make(p, (size_t)n);
}

struct sv arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct sv text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}
