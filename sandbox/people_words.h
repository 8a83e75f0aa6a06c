/* people_words.h - the words that the invented staffing firm is made of.
 *
 * Common given names, surnames, towns and trades, so that the data looks like
 * the real thing; no combination stands for a living person. Towns carry their
 * true state, ZIP prefix and area code, because mappings of addresses and
 * phone numbers are tested with them. All arrays are constant and shared. */
#ifndef SANDBOX_PEOPLE_WORDS_H
#define SANDBOX_PEOPLE_WORDS_H

#include <stddef.h>

struct town {
	const char *city;
	const char *state; /* two letters */
	const char *zip3;  /* the first three digits of its ZIP codes */
	int area_code;
};

/* A trade: what the job is called, what the people in it can do (skills come
 * from one trade at a time, as in a real file), and the usual pay in cents an
 * hour. */
struct trade {
	const char *titles[4];
	const char *skills[8];
	int pay_low_cents;
	int pay_high_cents;
};

extern const char *const given_names[];
extern const size_t given_names_len;
extern const char *const surnames[];
extern const size_t surnames_len;
extern const char *const streets[];
extern const size_t streets_len;
extern const struct town towns[];
extern const size_t towns_len;
extern const struct trade trades[];
extern const size_t trades_len;
extern const char *const skill_names[]; /* ends in NULL */
extern const char *const firm_heads[];
extern const size_t firm_heads_len;
extern const char *const firm_trades[];
extern const size_t firm_trades_len;
extern const char *const firm_tails[];
extern const size_t firm_tails_len;
extern const char *const contact_titles[];
extern const size_t contact_titles_len;

#endif
