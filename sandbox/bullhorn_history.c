#include "bullhorn_history.h"

#include "base/panic.h"

enum column {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_OLD,
	COLUMN_NEW,
	COLUMN_EDIT_ID,
	COLUMN_DATE,
	COLUMN_TRANSACTION,
	COLUMN_PERSON,
	COLUMN_TARGET,
};

static const char *const kind_names[HISTORY_KINDS] = {
	[HISTORY_USER] = "User",	   [HISTORY_CLIENT_CORPORATION] = "ClientCorporation",
	[HISTORY_JOB_ORDER] = "JobOrder",  [HISTORY_JOB_SUBMISSION] = "JobSubmission",
	[HISTORY_PLACEMENT] = "Placement",
};

void history_finish(struct history *h)
{
	for (int k = 0; k < HISTORY_KINDS; k++) {
		struct history_log *l = &h->logs[k];
		for (size_t i = 0; i < l->changes_len; i++) {
			free(l->changes[i].old_value);
			free(l->changes[i].new_value);
		}
		free(l->changes);
		free(l->edits);
	}
}

void history_edit(struct history *h, enum history_kind k, int64_t target, int64_t person,
		  int64_t at_ms, const char *transaction)
{
	struct history_log *l = &h->logs[k];
	if (l->edits_len == l->edits_cap) {
		l->edits_cap = l->edits_cap ? l->edits_cap * 2 : 64;
		l->edits = must_realloc(l->edits, l->edits_cap * sizeof(*l->edits));
	}
	struct history_edit *e = &l->edits[l->edits_len];
	*e = (struct history_edit){
		.id = HISTORY_FIRST_ID + (int64_t)l->edits_len,
		.target = target,
		.person = person,
		.at_ms = at_ms,
		.changes_from = l->changes_len,
	};
	snprintf(e->transaction, sizeof(e->transaction), "%s", transaction);
	l->edits_len++;
}

static char *text_of(struct sv v)
{
	if (!v.ptr)
		return must_strdup("[blank]");
	char *text = must_alloc(v.len + 1);
	memcpy(text, v.ptr, v.len);
	text[v.len] = '\0';
	return text;
}

void history_note(struct history *h, enum history_kind k, const char *column, struct sv old_value,
		  struct sv new_value)
{
	struct history_log *l = &h->logs[k];
	if (l->edits_len == 0)
		panic("a change without an edit");
	if (l->changes_len == l->changes_cap) {
		l->changes_cap = l->changes_cap ? l->changes_cap * 2 : 64;
		l->changes = must_realloc(l->changes, l->changes_cap * sizeof(*l->changes));
	}
	l->changes[l->changes_len] = (struct history_change){
		.id = HISTORY_FIRST_ID + (int64_t)l->changes_len,
		.edit = l->edits_len - 1,
		.column = column,
		.old_value = text_of(old_value),
		.new_value = text_of(new_value),
	};
	l->changes_len++;
	l->edits[l->edits_len - 1].changes_len++;
}

enum history_kind history_named(struct sv entity, bool *changes)
{
	static const char *const tails[] = { "EditHistory", "EditHistoryFieldChange" };
	for (int k = HISTORY_NONE + 1; k < HISTORY_KINDS; k++) {
		struct sv name = sv_of(kind_names[k]);
		if (!sv_starts(entity, name))
			continue;
		struct sv tail = sv_make(entity.ptr + name.len, entity.len - name.len);
		for (size_t i = 0; i < countof(tails); i++)
			if (sv_eq(tail, sv_of(tails[i]))) {
				*changes = i == 1;
				return (enum history_kind)k;
			}
	}
	return HISTORY_NONE;
}

const char *history_name(enum history_kind k)
{
	return kind_names[k];
}

static const struct {
	const char *path;
	enum column column;
	enum filter_kind kind;
} edit_columns[] = {
	{ "id", COLUMN_EDIT_ID, FILTER_NUMBER },
	{ "dateAdded", COLUMN_DATE, FILTER_NUMBER },
	{ "transactionID", COLUMN_TRANSACTION, FILTER_TEXT },
	{ "modifyingPerson.id", COLUMN_PERSON, FILTER_NUMBER },
	{ "targetEntity.id", COLUMN_TARGET, FILTER_NUMBER },
}, change_columns[] = {
	{ "id", COLUMN_ID, FILTER_NUMBER },
	{ "columnName", COLUMN_NAME, FILTER_TEXT },
	{ "display", COLUMN_NAME, FILTER_TEXT },
	{ "oldValue", COLUMN_OLD, FILTER_TEXT },
	{ "newValue", COLUMN_NEW, FILTER_TEXT },
};

static bool resolve_edit(const struct filter_schema *s, struct sv path, struct filter_field *out)
{
	for (size_t i = 0; i < countof(edit_columns); i++)
		if (sv_eq(path, sv_of(edit_columns[i].path))) {
			*out = (struct filter_field){ .kind = edit_columns[i].kind,
						      .is_id = i == 0,
						      .hop = { edit_columns[i].column } };
			return true;
		}
	return false;
}

static bool resolve_change(const struct filter_schema *s, struct sv path, struct filter_field *out)
{
	struct sv head, tail;
	if (sv_cut(path, '.', &head, &tail)) {
		bool known = sv_eq(head, SV("editHistory")) && resolve_edit(s, tail, out);
		out->is_id = false;
		return known;
	}
	for (size_t i = 0; i < countof(change_columns); i++)
		if (sv_eq(path, sv_of(change_columns[i].path))) {
			*out = (struct filter_field){ .kind = change_columns[i].kind,
						      .is_id = i == 0,
						      .hop = { change_columns[i].column } };
			return true;
		}
	return false;
}

const struct filter_schema history_edit_schema = { resolve_edit };
const struct filter_schema history_change_schema = { resolve_change };

static struct filter_value number(int64_t n)
{
	return (struct filter_value){ .kind = FILTER_NUMBER, .number = n * FILTER_SCALE };
}

static struct filter_value text(const char *s)
{
	return (struct filter_value){ .kind = FILTER_TEXT, .text = sv_of(s) };
}

static struct filter_value get(const struct filter_row *base, const struct filter_field *f)
{
	const struct history_row *row = (const struct history_row *)base;
	switch ((enum column)f->hop[0]) {
	case COLUMN_ID:
		return number(row->change->id);
	case COLUMN_NAME:
		return text(row->change->column);
	case COLUMN_OLD:
		return text(row->change->old_value);
	case COLUMN_NEW:
		return text(row->change->new_value);
	case COLUMN_EDIT_ID:
		return number(row->edit->id);
	case COLUMN_DATE:
		return number(row->edit->at_ms);
	case COLUMN_TRANSACTION:
		return text(row->edit->transaction);
	case COLUMN_PERSON:
		return number(row->edit->person);
	case COLUMN_TARGET:
		return number(row->edit->target);
	}
	panic("history column %d", f->hop[0]);
}

void history_row_init(struct history_row *row, const struct history_edit *e,
		      const struct history_change *c)
{
	*row = (struct history_row){ .base = { get }, .edit = e, .change = c };
}
