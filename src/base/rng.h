/* rng.h - randomness as a parameter: a seeded generator for what must be
 * repeatable (SplitMix64), and the system's for salts, keys and ids. */
#ifndef TREATY_RNG_H
#define TREATY_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n-1; n > 0. The bias is below n / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

/* From the operating system; panics if it has none to give. */
void random_bytes(void *out, size_t len);

#endif
