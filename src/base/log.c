#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"

static _Atomic int max_level = LOG_INFO;

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_at(enum log_level level, const char *area, const char *fmt, ...)
{
	static const char *const name[] = { "error", "warn", "info", "debug" };
	if ((int)level > max_level)
		return;
	char time[TIME_TEXT_SIZE], text[1024];
	time_format_ms(clock_now(clock_real()), time);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s %-5s %s: %s\n", time, name[level], area, text);
}
