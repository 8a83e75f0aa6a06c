#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name;
	enum err_retry retry;
	enum err_scope scope;
} usual[] = {
	[ERR_NONE] = { "none", RETRY_NEVER, SCOPE_FIELD },
	[ERR_BAD_INPUT] = { "bad_input", RETRY_NEVER, SCOPE_PROCESS },
	[ERR_TOO_BIG] = { "too_big", RETRY_NEVER, SCOPE_RECORD },
	[ERR_NOT_FOUND] = { "not_found", RETRY_NEVER, SCOPE_RECORD },
	[ERR_AUTH] = { "auth", RETRY_PERSON, SCOPE_SYSTEM },
	[ERR_SESSION] = { "session", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_LIMIT] = { "limit", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_UNREACHABLE] = { "unreachable", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_LOST] = { "lost", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_SERVER] = { "server", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_REJECTED] = { "rejected", RETRY_PERSON, SCOPE_RECORD },
	[ERR_CURSOR] = { "cursor", RETRY_LATER, SCOPE_SYSTEM },
	[ERR_CONFLICT] = { "conflict", RETRY_LATER, SCOPE_RECORD },
	[ERR_UNSUPPORTED] = { "unsupported", RETRY_NEVER, SCOPE_PROCESS },
	[ERR_STORE] = { "store", RETRY_PERSON, SCOPE_PROCESS },
	[ERR_SYSTEM] = { "system", RETRY_LATER, SCOPE_PROCESS },
	[ERR_STOPPED] = { "stopped", RETRY_LATER, SCOPE_PROCESS },
};

/* Peers send texts of several lines; and a text cut at the end of 'what' may
 * end within a character. */
static void make_one_line(char *what)
{
	size_t n = strlen(what), begun = n;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)what[i] < ' ' || what[i] == 0x7f)
			what[i] = ' ';
	while (begun > 0 && ((unsigned char)what[begun - 1] & 0xc0) == 0x80)
		begun--;
	if (begun == 0 || (unsigned char)what[begun - 1] < 0xc0)
		return;
	unsigned char lead = (unsigned char)what[begun - 1];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (n - (begun - 1) < want)
		what[begun - 1] = '\0';
}

static void fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	e->code = code;
	e->retry = usual[code].retry;
	e->scope = usual[code].scope;
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	make_one_line(e->what);
}

void err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (!e || e->code)
		return;
	va_list ap;
	va_start(ap, fmt);
	fill(e, code, fmt, ap);
	va_end(ap);
}

void err_set_errno(struct err *e, int sys_errno, const char *fmt, ...)
{
	if (!e || e->code)
		return;
	va_list ap;
	va_start(ap, fmt);
	fill(e, ERR_SYSTEM, fmt, ap);
	va_end(ap);
	e->sys_errno = sys_errno;
	size_t n = strlen(e->what);
	snprintf(e->what + n, sizeof(e->what) - n, ": %s", strerrordesc_np(sys_errno));
}

const char *err_code_name(enum err_code code)
{
	return usual[code].name;
}
