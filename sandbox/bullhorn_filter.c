#include "bullhorn_filter.h"

#include <ctype.h>

/* SQL's third truth value; NOT leaves it as it is. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

static int sv_cmp_nocase(struct sv a, struct sv b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	for (size_t i = 0; i < n; i++) {
		int d = tolower((unsigned char)a.ptr[i]) - tolower((unsigned char)b.ptr[i]);
		if (d != 0)
			return d;
	}
	return (a.len > b.len) - (a.len < b.len);
}

int filter_value_cmp(const struct filter_value *a, const struct filter_value *b)
{
	if (a->kind == FILTER_NULL || b->kind == FILTER_NULL)
		return (a->kind != FILTER_NULL) - (b->kind != FILTER_NULL);
	if (a->kind == FILTER_TEXT && b->kind == FILTER_TEXT)
		return sv_cmp_nocase(a->text, b->text);
	return (a->number > b->number) - (a->number < b->number);
}

bool filter_number(struct sv text, int64_t *scaled)
{
	struct sv whole, places;
	bool negative = text.len > 0 && text.ptr[0] == '-';
	if (negative)
		text = sv_make(text.ptr + 1, text.len - 1);
	bool point = sv_cut(text, '.', &whole, &places);
	if (whole.len == 0 || whole.len > 14 || places.len > 4 || (point && places.len == 0))
		return false;
	int64_t n = 0;
	for (size_t i = 0; i < whole.len + 4; i++) {
		char c = i < whole.len		      ? whole.ptr[i]
			 : i - whole.len < places.len ? places.ptr[i - whole.len]
						      : '0';
		if (c < '0' || c > '9')
			return false;
		n = n * 10 + (c - '0');
	}
	*scaled = negative ? -n : n;
	return true;
}

/* A word is a run of letters, digits and bytes above ASCII. */
static struct sv next_word(struct sv *left)
{
	size_t from = 0;
	while (from < left->len && !isalnum((unsigned char)left->ptr[from]) &&
	       (unsigned char)left->ptr[from] < 0x80)
		from++;
	size_t to = from;
	while (to < left->len &&
	       (isalnum((unsigned char)left->ptr[to]) || (unsigned char)left->ptr[to] >= 0x80))
		to++;
	struct sv word = sv_make(left->ptr + from, to - from);
	*left = sv_make(left->ptr + to, left->len - to);
	return word;
}

static bool words_follow(struct sv text, struct sv wanted, bool prefix)
{
	for (struct sv w = next_word(&wanted); w.len; w = next_word(&wanted)) {
		struct sv rest = wanted, have = next_word(&text);
		bool last = next_word(&rest).len == 0;
		if (prefix && last && have.len > w.len)
			have.len = w.len;
		if (!sv_eq_nocase(have, w))
			return false;
	}
	return true;
}

static bool has_words(struct sv text, struct sv wanted, bool prefix)
{
	while (text.len) {
		if (words_follow(text, wanted, prefix))
			return true;
		next_word(&text);
	}
	return false;
}

/* '%' any run, '_' any one character. Backtracks to the last '%' only. */
static bool like(struct sv text, struct sv pattern)
{
	size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '%') {
			star = p++;
			mark = t;
		} else if (p < pattern.len &&
			   (pattern.ptr[p] == '_' || tolower((unsigned char)pattern.ptr[p]) ==
							     tolower((unsigned char)text.ptr[t]))) {
			p++, t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '%')
		p++;
	return p == pattern.len;
}

static bool is_one_of(const struct filter *f, const struct filter_value *v)
{
	size_t low = 0, high = f->values_len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = filter_value_cmp(&f->values[mid], v);
		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static bool compare(const struct filter *f, const struct filter_value *v)
{
	int c = filter_value_cmp(v, &f->values[0]);
	switch (f->op) {
	case FILTER_EQ:
		return c == 0;
	case FILTER_NE:
		return c != 0;
	case FILTER_LT:
		return c < 0;
	case FILTER_LE:
		return c <= 0;
	case FILTER_GT:
		return c > 0;
	default:
		return c >= 0;
	}
}

static enum truth match_value(const struct filter *f, const struct filter_row *row)
{
	struct filter_value v = row->get(row, &f->field);
	if (f->op == FILTER_IS_NULL)
		return v.kind == FILTER_NULL ? TRUTH_YES : TRUTH_NO;
	if (v.kind == FILTER_NULL)
		return f->null_is_no ? TRUTH_NO : TRUTH_UNKNOWN;
	bool yes;
	switch (f->op) {
	case FILTER_IN:
		yes = is_one_of(f, &v);
		break;
	case FILTER_LIKE:
		yes = like(v.text, f->values[0].text);
		break;
	case FILTER_WORDS:
	case FILTER_PREFIX:
		yes = has_words(v.text, f->values[0].text, f->op == FILTER_PREFIX);
		break;
	default:
		yes = compare(f, &v);
	}
	return yes ? TRUTH_YES : TRUTH_NO;
}

static enum truth match(const struct filter *f, const struct filter_row *row)
{
	enum truth a, b;
	switch (f->op) {
	case FILTER_ALL:
		return TRUTH_YES;
	case FILTER_AND:
		a = match(f->left, row);
		if (a == TRUTH_NO)
			return TRUTH_NO;
		b = match(f->right, row);
		return b == TRUTH_NO ? b : a == TRUTH_YES ? b : a;
	case FILTER_OR:
		a = match(f->left, row);
		if (a == TRUTH_YES)
			return TRUTH_YES;
		b = match(f->right, row);
		return b == TRUTH_YES ? b : a == TRUTH_NO ? b : a;
	case FILTER_NOT:
		a = match(f->left, row);
		return a == TRUTH_UNKNOWN ? a : a == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
	default:
		return match_value(f, row);
	}
}

bool filter_match(const struct filter *f, const struct filter_row *row)
{
	return match(f, row) == TRUTH_YES;
}

static struct filter_ids ids_from_values(const struct filter *f, struct arena *arena)
{
	struct filter_ids r = { .low = INT64_MIN, .high = INT64_MAX };
	int64_t first = f->values[0].number / FILTER_SCALE;
	switch (f->op) {
	case FILTER_EQ:
		r.low = r.high = first;
		break;
	case FILTER_GT:
	case FILTER_GE:
		r.low = first;
		break;
	case FILTER_LT:
	case FILTER_LE:
		r.high = first;
		break;
	case FILTER_IN: {
		int64_t *ids = arena_array(arena, int64_t, f->values_len);
		for (size_t i = 0; i < f->values_len; i++)
			ids[i] = f->values[i].number / FILTER_SCALE;
		r.ids = ids;
		r.ids_len = f->values_len;
		break;
	}
	default:
		break;
	}
	return r;
}

struct filter_ids filter_ids(const struct filter *f, struct arena *arena)
{
	if (f->op == FILTER_AND) {
		struct filter_ids a = filter_ids(f->left, arena), b = filter_ids(f->right, arena);
		if (b.low > a.low)
			a.low = b.low;
		if (b.high < a.high)
			a.high = b.high;
		if (!a.ids) {
			a.ids = b.ids;
			a.ids_len = b.ids_len;
		}
		return a;
	}
	if (f->values_len > 0 && f->field.is_id)
		return ids_from_values(f, arena);
	return (struct filter_ids){ .low = INT64_MIN, .high = INT64_MAX };
}
