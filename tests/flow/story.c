/* story.c - reads *.scn files into lines of words. */
#include <errno.h>

#include "base/panic.h"
#include "scenario.h"

enum { STORY_MAX = 1 << 20, WORDS_MAX = 64 };

bool story_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");
	char chunk[4096];
	size_t n;
	if (!f)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, sv_make(chunk, n));
	bool ok = !ferror(f) && !out->full;
	fclose(f);
	return ok;
}

/* The next word of *rest, quotes taken off; false at the end of the line. */
static bool next_word(struct sv *rest, struct arena *a, struct sv *word)
{
	*rest = sv_trim(*rest);
	if (!rest->len || (rest->ptr[0] == '#' && (rest->len == 1 || rest->ptr[1] == ' ')))
		return false;
	char *out = arena_alloc(a, rest->len + 1);
	size_t i = 0, n = 0;
	bool quoted = false;
	for (; i < rest->len && (quoted || rest->ptr[i] != ' '); i++) {
		if (rest->ptr[i] == '"')
			quoted = !quoted;
		else
			out[n++] = rest->ptr[i];
	}
	*rest = sv_make(rest->ptr + i, rest->len - i);
	*word = sv_make(out, n);
	return true;
}

static void add_line(struct story *s, struct sv text, int number)
{
	struct sv word[WORDS_MAX];
	int n = 0;
	while (n < WORDS_MAX && next_word(&text, &s->arena, &word[n]))
		n++;
	if (!n)
		return;
	struct line *l = &s->line[s->n++];
	*l = (struct line){ .number = number, .word_n = n };
	if (n > 2 && sv_eq(word[n - 2], SV("unless")) && sv_eq(word[n - 1], SV("crashed"))) {
		l->unless_crashed = true;
		l->word_n = n -= 2;
	}
	l->word = arena_array(&s->arena, struct sv, (size_t)n);
	memcpy(l->word, word, (size_t)n * sizeof(*word));
}

/* '... <<END': the lines up to 'END' belong to the line before them. */
static struct sv read_block(struct sv end, struct sv *rest, int *number)
{
	struct sv line;
	const char *start = rest->ptr;
	size_t len = 0;
	while (rest->len) {
		sv_cut(*rest, '\n', &line, rest);
		(*number)++;
		if (sv_eq(sv_trim(line), end))
			break;
		len += line.len + 1;
	}
	return sv_make(start, len);
}

static void add_title(struct story *s, struct sv line)
{
	line = sv_trim(sv_make(line.ptr + 1, line.len - 1));
	s->title = s->title.len ? arena_printf(&s->arena, "%.*s %.*s", SV_ARG(s->title),
					       SV_ARG(line)) :
				  arena_sv(&s->arena, line);
}

static void read_lines(struct story *s, struct sv rest)
{
	struct sv line;
	int number = 0;
	while (rest.len) {
		sv_cut(rest, '\n', &line, &rest);
		number++;
		if (!s->n && line.len && line.ptr[0] == '#') {
			add_title(s, line);
			continue;
		}
		add_line(s, line, number);
		struct line *l = s->n ? &s->line[s->n - 1] : NULL;
		if (l && l->number == number && sv_starts(l->word[l->word_n - 1], SV("<<"))) {
			struct sv end = l->word[--l->word_n];
			l->block = read_block(sv_make(end.ptr + 2, end.len - 2), &rest, &number);
		}
	}
}

struct story *story_parse(const char *name, struct sv text)
{
	struct story *s = must_zalloc(sizeof(*s));
	arena_init(&s->arena);
	s->file = arena_str(&s->arena, sv_of(name));
	struct sv all = arena_sv(&s->arena, text);
	int most = 1;
	for (size_t i = 0; i < all.len; i++)
		most += all.ptr[i] == '\n';
	s->line = arena_array(&s->arena, struct line, (size_t)most);
	read_lines(s, all);
	return s;
}

struct story *story_read(const char *path)
{
	struct buf text;
	struct story *s = NULL;
	buf_init(&text, STORY_MAX);
	if (story_file(path, &text))
		s = story_parse(path, buf_sv(&text));
	else
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	buf_finish(&text);
	return s;
}

void story_destroy(struct story *s)
{
	if (!s)
		return;
	arena_finish(&s->arena);
	free(s);
}
