#include "faults.h"

#include "base/panic.h"

static const char *const names[] = {
	[FAULT_NONE] = "none",
	[FAULT_OUTAGE] = "outage",
	[FAULT_RESET] = "reset",
	[FAULT_LOST_ANSWER] = "lost-answer",
	[FAULT_LATE] = "late",
	[FAULT_SLOW] = "slow",
	[FAULT_ERROR_500] = "500",
	[FAULT_UNAVAILABLE] = "503",
	[FAULT_SESSION] = "session",
	[FAULT_TRUNCATED] = "truncated",
	[FAULT_HTML] = "html",
	[FAULT_RATE] = "rate",
};

const char *fault_name(enum fault_kind k)
{
	return names[k];
}

void faults_finish(struct faults *f)
{
	free(f->items);
	*f = (struct faults){ 0 };
}

static bool kind_of(struct sv text, enum fault_kind *out)
{
	for (size_t i = 0; i < countof(names); i++)
		if (sv_eq(sv_of(names[i]), text)) {
			*out = (enum fault_kind)i;
			return true;
		}
	return false;
}

static void copy_text(struct json_object *spec, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%.*s", SV_ARG(json_sv(spec, key)));
}

bool faults_set(struct faults *f, struct json_object *spec, int64_t now_ms, struct err *err)
{
	struct fault one = { .left = json_i64(spec, "count", -1),
			     .percent = (int)json_i64(spec, "percent", 100),
			     .delay_ms = (int)json_i64(spec, "delay_ms", 2000) };
	int64_t for_ms = json_i64(spec, "for_ms", 0);
	if (!kind_of(json_sv(spec, "kind"), &one.kind)) {
		struct buf b;
		buf_init(&b, 512);
		for (size_t i = 0; i < countof(names); i++)
			buf_addf(&b, "%s%s", i ? ", " : "", names[i]);
		err_set(err, ERR_BAD_INPUT, "fault: unknown kind '%.*s'; one of: %s",
			SV_ARG(json_sv(spec, "kind")), b.ptr);
		buf_finish(&b);
		return false;
	}
	if (one.kind == FAULT_NONE) {
		faults_finish(f);
		return true;
	}
	if (one.percent < 1 || one.percent > 100 || one.delay_ms < 0) {
		err_set(err, ERR_BAD_INPUT, "fault: percent must be 1 to 100 and delay_ms not negative");
		return false;
	}
	one.until_ms = for_ms > 0 ? now_ms + for_ms : 0;
	copy_text(spec, "path", one.prefix, sizeof(one.prefix));
	copy_text(spec, "contains", one.contains, sizeof(one.contains));
	copy_text(spec, "method", one.method, sizeof(one.method));
	f->items = must_realloc(f->items, (f->len + 1) * sizeof(*f->items));
	f->items[f->len++] = one;
	return true;
}

static bool matches(const struct fault *x, struct sv method, struct sv path, int64_t now_ms)
{
	if (x->left == 0 || (x->until_ms && now_ms >= x->until_ms))
		return false;
	if (x->method[0] && !sv_eq_nocase(method, sv_of(x->method)))
		return false;
	return sv_starts(path, sv_of(x->prefix)) &&
	       (!x->contains[0] || memmem(path.ptr, path.len, x->contains, strlen(x->contains)));
}

struct fault *faults_pick(struct faults *f, struct sv method, struct sv path, int64_t now_ms,
			  struct rng *rng)
{
	for (size_t i = 0; i < f->len; i++) {
		struct fault *x = &f->items[i];
		if (!matches(x, method, path, now_ms))
			continue;
		if (x->percent < 100 && rng_below(rng, 100) >= (uint64_t)x->percent)
			continue;
		if (x->left > 0)
			x->left--;
		x->hits++;
		return x;
	}
	return NULL;
}

bool faults_down(const struct faults *f, struct sv method, struct sv path, int64_t now_ms)
{
	for (size_t i = 0; i < f->len; i++)
		if (f->items[i].kind == FAULT_OUTAGE && f->items[i].left < 0 && f->items[i].percent == 100 &&
		    matches(&f->items[i], method, path, now_ms))
			return true;
	return false;
}

struct json_object *faults_list(const struct faults *f)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < f->len; i++) {
		const struct fault *x = &f->items[i];
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "kind", sv_of(names[x->kind]));
		json_put_sv(o, "path", sv_of(x->prefix));
		json_put_sv(o, "contains", sv_of(x->contains));
		json_put_sv(o, "method", sv_of(x->method));
		json_put_i64(o, "left", x->left);
		json_put_i64(o, "until_ms", x->until_ms);
		json_put_i64(o, "percent", x->percent);
		json_put_i64(o, "delay_ms", x->delay_ms);
		json_put_i64(o, "hits", x->hits);
		json_object_array_add(list, o);
	}
	return list;
}
