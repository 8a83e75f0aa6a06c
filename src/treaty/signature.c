#include "treaty/signature.h"

#include <stdlib.h>
#include <unistd.h>

#include "treaty/alerts.h"
#include "treaty/digest.h"
#include "treaty/yaml.h"

struct sv signature_path(const char *treaty_path, const char *role, struct arena *a)
{
	struct sv path = sv_of(treaty_path);
	if (sv_ends(path, SV(".yaml")))
		path.len -= 5;
	return arena_printf(a, "%.*s.%s.sig", SV_ARG(path), role);
}

/* ---- making one ---- */

static void add_digest(struct buf *out, const unsigned char digest[32])
{
	buf_addf(out, " sha256:");
	for (int i = 0; i < 32; i++)
		buf_addf(out, "%02x", digest[i]);
	buf_addc(out, '\n');
}

static bool signs_domain(const struct treaty *t, int domain, const char *role)
{
	const struct treaty_domain *d = &t->domain[domain];
	for (int k = 0; k < d->signed_by_n; k++)
		if (strcmp(t->role[d->signed_by[k]].name, role) == 0)
			return true;
	return false;
}

void signature_statement(const struct treaty *t, const char *role, struct sv made, struct buf *out)
{
	unsigned char digest[32];
	buf_addf(out, "treaty-signature 1\ntreaty %s\nversion %d\nrole %s\nmade %.*s\nhead", t->name,
		 t->version, role, SV_ARG(made));
	treaty_head_digest(t, digest);
	add_digest(out, digest);
	for (int d = 0; d < t->domain_n; d++) {
		if (!signs_domain(t, d, role))
			continue;
		treaty_domain_digest(t, d, digest);
		buf_addf(out, "domain %s", t->domain[d].name);
		add_digest(out, digest);
	}
}

void signature_line(const unsigned char signature[ED25519_SIGNATURE], struct buf *out)
{
	buf_addf(out, "ed25519 ");
	to_base64(out, signature, ED25519_SIGNATURE);
	buf_addc(out, '\n');
}

/* ---- checking one ---- */

/* The statement, which ends in its newline, and the signature below it. */
static bool split(struct sv text, struct sv *statement, unsigned char signature[ED25519_SIGNATURE])
{
	struct sv mark = SV("\ned25519 ");
	const char *at = text.len ? memmem(text.ptr, text.len, mark.ptr, mark.len) : NULL;
	if (!at)
		return false;
	*statement = sv_make(text.ptr, (size_t)(at + 1 - text.ptr));
	struct sv rest = sv_make(at + mark.len, text.len - (size_t)(at + mark.len - text.ptr));
	return from_base64(sv_trim(rest), signature, ED25519_SIGNATURE);
}

/* The value of a line 'KEY VALUE'. */
static struct sv value_of(struct sv statement, const char *key)
{
	struct sv line, name, value;
	while (statement.len) {
		sv_cut(statement, '\n', &line, &statement);
		if (sv_cut(line, ' ', &name, &value) && sv_eq(name, sv_of(key)))
			return value;
	}
	return SV("");
}

/* The first line of what would be signed now that was not signed then. */
static struct sv difference(struct sv now, struct sv then, struct arena *a)
{
	struct sv line, other;
	while (now.len) {
		sv_cut(now, '\n', &line, &now);
		sv_cut(then, '\n', &other, &then);
		if (sv_eq(line, other))
			continue;
		struct sv key, name;
		sv_cut(line, ' ', &key, &name);
		if (sv_eq(key, SV("domain"))) {
			sv_cut(name, ' ', &name, &other);
			return arena_printf(a, "the meaning of '%.*s' changed since it was signed",
					    SV_ARG(name));
		}
		return SV("the meaning of the head (systems, roles, alerts, what there is) changed "
			  "since it was signed");
	}
	return SV("a domain is not in the treaty, or not this role's to sign, any more");
}

enum signed_state signature_check(const struct treaty *t, const char *role, const char *key,
				  struct sv text, struct arena *a, struct sv *why)
{
	unsigned char signature[ED25519_SIGNATURE];
	struct sv then;
	*why = SV("");
	if (!key)
		return SIGNED_KEYLESS;
	if (!text.ptr)
		return SIGNED_MISSING;
	if (!split(text, &then, signature) || !ed25519_verify(sv_of(key), then, signature)) {
		*why = SV("it does not verify with the role's key");
		return SIGNED_FORGED;
	}
	struct sv made = value_of(then, "made"), version = value_of(then, "version");
	if (!sv_eq(value_of(then, "treaty"), sv_of(t->name)) ||
	    !sv_eq(value_of(then, "role"), sv_of(role))) {
		*why = SV("it is of another treaty or role");
		return SIGNED_FORGED;
	}
	int64_t signed_version;
	if (!sv_to_i64(version, &signed_version) || signed_version != t->version) {
		*why = arena_printf(a, "version %.*s was signed", SV_ARG(version));
		return SIGNED_OLDER;
	}
	struct buf now;
	buf_init(&now, SIGNATURE_MAX);
	signature_statement(t, role, made, &now);
	bool same = !now.full && sv_eq(buf_sv(&now), then);
	*why = same ? arena_sv(a, made) : difference(buf_sv(&now), then, a);
	buf_finish(&now);
	return same ? SIGNED : SIGNED_CHANGED;
}

/* ---- who must agree ---- */

static bool must_sign(const struct treaty *t, const char *role)
{
	for (int d = 0; t && d < t->domain_n; d++)
		if (signs_domain(t, d, role))
			return true;
	return false;
}

static const char *key_of(const struct treaty *t, const char *role)
{
	int i = t ? treaty_role_by_name(t, sv_of(role)) : -1;
	return i < 0 ? NULL : t->role[i].key;
}

bool treaty_is_keyed(const struct treaty *t)
{
	for (int i = 0; i < t->role_n; i++)
		if (t->role[i].key && must_sign(t, t->role[i].name))
			return true;
	return false;
}

static int by_role(const void *x, const void *y)
{
	return strcmp(((const struct approval *)x)->role, ((const struct approval *)y)->role);
}

/* SV_NONE when there is no such file; what cannot be read is no signature. */
static struct sv read_signature(const char *path, struct arena *a)
{
	struct complaints c;
	struct buf b;
	struct sv text = SV_NONE;
	if (access(path, F_OK) != 0)
		return text;
	complaints_init(&c, path);
	buf_init(&b, SIGNATURE_MAX);
	text = yaml_read_file(path, &b, &c) ? arena_sv(a, buf_sv(&b)) : SV("");
	buf_finish(&b);
	complaints_finish(&c);
	return text;
}

static void add_roles(const struct treaty *t, const struct treaty *unless, struct approval *list,
		      int *n)
{
	for (int i = 0; t && i < t->role_n; i++)
		if (must_sign(t, t->role[i].name) && !must_sign(unless, t->role[i].name))
			list[(*n)++] = (struct approval){ .role = t->role[i].name };
}

int treaty_approvals(const struct treaty *t, const struct treaty *before, const char *treaty_path,
		     struct arena *a, struct approval **out)
{
	int n = 0;
	struct approval *list =
		arena_array(a, struct approval, (size_t)t->role_n + (before ? (size_t)before->role_n : 0));
	add_roles(t, NULL, list, &n);
	add_roles(before, t, list, &n);
	qsort(list, (size_t)n, sizeof(*list), by_role);
	for (int i = 0; i < n; i++) {
		struct approval *p = &list[i];
		const char *pinned = key_of(before, p->role);
		p->before = pinned != NULL;
		p->key = pinned ? pinned : key_of(t, p->role);
		p->text = read_signature(signature_path(treaty_path, p->role, a).ptr, a);
		p->state = signature_check(t, p->role, p->key, p->text, a, &p->why);
	}
	*out = list;
	return n;
}
