#include "store/libpq.h"

#include <dlfcn.h>
#include <pthread.h>

static struct libpq table;
static struct err failure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Never unloaded: it registers itself with libraries that stay. */
static void load(void)
{
	void *lib = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	const char *why = lib ? NULL : dlerror();
#define LIBPQ_LOOK_UP(name)                                                           \
	if (!why) {                                                                   \
		*(void **)&table.name = dlsym(lib, "PQ" #name);                       \
		if (!table.name)                                                      \
			why = "it has no PQ" #name;                                   \
	}
	LIBPQ_FUNCTIONS(LIBPQ_LOOK_UP)
#undef LIBPQ_LOOK_UP
	if (!why)
		return;
	err_set(&failure, ERR_UNSUPPORTED,
		"PostgreSQL's client library libpq.so.5 cannot be loaded: %s; "
		"install it (Debian: apt-get install libpq5)", why);
	failure.retry = RETRY_PERSON;
}

const struct libpq *libpq_load(struct err *err)
{
	pthread_once(&once, load);
	if (!failure.code)
		return &table;
	if (err && !err->code)
		*err = failure;
	return NULL;
}
