/* When a role can be reached: business hours, their zone, holidays. */
#include "treaty/load_parts.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"

/* tzdata's files; the largest has 4 KB. */
#define ZONES "/usr/share/zoneinfo/"
enum { ZONE_FILE_MAX = 1 << 20, LIST_MAX = 1 << 20, ZONES_MAX = 2000, HOLIDAYS_MAX = 1000 };

/* ---- zones ---- */

static bool read_file(const char *path, struct buf *out)
{
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "rbe");
	if (!f)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, sv_make(chunk, n));
	bool ok = !ferror(f) && !out->full;
	fclose(f);
	return ok;
}

/* A path below ZONES and nowhere else. */
static bool is_zone_name(struct sv s)
{
	bool ok = s.len > 0 && s.len < 100 && isalpha((unsigned char)s.ptr[0]);
	for (size_t i = 0; ok && i < s.len; i++)
		ok = isalnum((unsigned char)s.ptr[i]) || strchr("/_+-", s.ptr[i]);
	return ok;
}

/* 'Chicago' and 'america/chicago' mean America/Chicago; 'America/Chicgo' is
 * near to it. */
static const char *nearest_zone(struct doc *d, struct sv list, const char *word)
{
	const char *names[ZONES_MAX];
	int n = 0;
	struct sv line, field, rest;
	while (list.len && n < ZONES_MAX) {
		sv_cut(list, '\n', &line, &list);
		/* country codes, place, zone, remarks */
		if (!line.len || line.ptr[0] == '#' || !sv_cut(line, '\t', &field, &rest) ||
		    !sv_cut(rest, '\t', &field, &rest))
			continue;
		sv_cut(rest, '\t', &field, &rest);
		names[n++] = arena_str(d->arena, field);
		const char *place = strrchr(names[n - 1], '/');
		if (strcasecmp(names[n - 1], word) == 0 || (place && strcasecmp(place + 1, word) == 0))
			return arena_printf(d->arena, " (did you mean '%s'?)", names[n - 1]).ptr;
	}
	return doc_suggest(d, word, names, n);
}

static const char *suggest_zone(struct doc *d, const char *word)
{
	struct buf list;
	buf_init(&list, LIST_MAX);
	const char *near = read_file(ZONES "tzdata.zi", &list) ? "" : ", and tzdata is not installed";
	buf_clear(&list);
	if (read_file(ZONES "zone1970.tab", &list) || !*near)
		near = nearest_zone(d, buf_sv(&list), word);
	buf_finish(&list);
	return near;
}

static const struct zone *load_zone(const struct doc_at *at, const char *name)
{
	struct doc *d = at->doc;
	struct buf bytes;
	struct zone *z = arena_new(d->arena, struct zone);
	buf_init(&bytes, ZONE_FILE_MAX);
	bool ok = is_zone_name(sv_of(name)) &&
		  read_file(arena_printf(d->arena, ZONES "%s", name).ptr, &bytes) &&
		  zone_parse(buf_sv(&bytes), name, d->arena, z);
	buf_finish(&bytes);
	if (ok)
		return z;
	complaints_add(d->complaints, at->value->place,
		       "'hours': %s: no zone of the IANA list, such as America/Chicago%s",
		       doc_quote(d, name), suggest_zone(d, name));
	return NULL;
}

/* ---- hours ---- */

/* 'Mon-Fri 08:00-18:00 America/Chicago' */
void take_hours(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text), days, times;
	struct working *w = arena_new(at->doc->arena, struct working);
	bool ok = sv_cut(text, ' ', &days, &text) && sv_cut(text, ' ', &times, &text) && text.len &&
		  working_parse(days, times, w);
	if (!ok) {
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'hours' are days, times and a zone: "
			       "Mon-Fri 08:00-18:00 America/Chicago",
			       doc_quote(at->doc, at->value->text));
		return;
	}
	w->zone = load_zone(at, arena_str(at->doc->arena, text));
	if (w->zone)
		*(const struct working **)member = w;
}

/* ---- holidays ---- */

static bool date_parse(struct sv s, int64_t *days)
{
	struct sv y, m, d;
	int64_t year, month, day;
	return s.len == 10 && sv_cut(s, '-', &y, &s) && y.len == 4 && sv_cut(s, '-', &m, &d) &&
	       m.len == 2 && sv_to_i64(y, &year) && sv_to_i64(m, &month) && sv_to_i64(d, &day) &&
	       date_to_days((int)year, (int)month, (int)day, days);
}

static int by_date(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
	return (a > b) - (a < b);
}

void take_holidays(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	const struct working **hours = member;
	int64_t *day = arena_array(d->arena, int64_t, (size_t)at->value->n + 1);
	int n = 0;
	if (!*hours) {
		complaints_add(d->complaints, at->place,
			       "'holidays': the role needs 'hours' too, which say in what zone a day is");
		return;
	}
	if (at->value->n > HOLIDAYS_MAX) {
		complaints_add(d->complaints, at->place, "'holidays': %d dates: more than %d",
			       at->value->n, HOLIDAYS_MAX);
		return;
	}
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_node *date = at->value->item[i];
		if (!doc_expect(d, date, YAML_SCALAR, "holidays", date->place))
			continue;
		if (!date_parse(sv_of(date->text), &day[n]))
			complaints_add(d->complaints, date->place,
				       "%s: a holiday is a date like 2026-12-25",
				       doc_quote(d, date->text));
		else
			n++;
	}
	qsort(day, (size_t)n, sizeof(*day), by_date);
	struct working *w = arena_new(d->arena, struct working);
	*w = **hours;
	w->holiday = day;
	w->holiday_n = n;
	*hours = w;
}
