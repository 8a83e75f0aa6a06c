/* Calls the fuzz target with every file of the folders named, and with every
 * beginning of each: what is cut short is the commonest broken input. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/panic.h"

/* Beginnings of longer inputs are sampled. */
enum { INPUT_MAX = 1 << 20, CUTS_MAX = 200 };

static void replay(const char *path)
{
	char chunk[4096];
	size_t n;
	struct buf b;
	FILE *f = fopen(path, "rbe");
	if (!f)
		panic("%s cannot be opened", path);
	buf_init(&b, INPUT_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, sv_make(chunk, n));
	fclose(f);
	if (b.full)
		panic("%s is longer than %d bytes", path, INPUT_MAX);
	size_t step = b.len / CUTS_MAX + 1;
	for (size_t len = 0; len < b.len; len += step) {
		/* memory of its own, so that reading past the end is seen */
		uint8_t *cut = must_alloc(len + 1);
		if (len)
			memcpy(cut, b.ptr, len);
		LLVMFuzzerTestOneInput(cut, len);
		free(cut);
	}
	LLVMFuzzerTestOneInput((const uint8_t *)(b.ptr ? b.ptr : ""), b.len);
	buf_finish(&b);
}

static int replay_folder(const char *folder)
{
	int n = 0;
	DIR *d = opendir(folder);
	if (!d)
		panic("%s cannot be opened", folder);
	for (struct dirent *e; (e = readdir(d));) {
		char path[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		replay(path);
		n++;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;
	for (int i = 1; i < argc; i++)
		n += replay_folder(argv[i]);
	printf("%d inputs\n", n);
	return n ? 0 : 1;
}
