/* ops.h - the functions of struct connector_ops, a file each group. */
#ifndef TREATY_REST_OPS_H
#define TREATY_REST_OPS_H

#include "systems/rest/connection.h"
#include "systems/rest/rows.h"

static inline struct rest *rest_of(struct connector *c)
{
	return (struct rest *)c;
}

/* NULL with ERR_NOT_FOUND. */
const struct rest_object *rest_object(const struct rest *r, const char *name, struct err *err);

/* query.c: rows of 'object' that meet 'where', at most 'count', in the order
 * of 'order' ('id', '-id'). The caller finishes the answer. */
struct rest_query {
	enum rest_on on;
	const char *what; /* 'list', for messages */
	struct sv object, where, fields, order;
	int count;
};
bool rest_query(struct rest *r, const struct rest_query *q, struct arena *a,
		struct rest_answer *answer, struct rows_list *rows, struct err *err);
/* Makes of an answer that names one of these fields an ERR_REJECTED that does:
 * an unknown field is refused with 400, or with 404 as a missing record is. */
bool rest_blame_field(struct rest *r, const struct rest_answer *answer,
		      const struct field_ref *field, int n, struct err *err);

/* query.c */
bool rest_fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
		struct arena *a, struct rows *out, struct err *err);
bool rest_since(struct connector *c, const struct object_ref *o, int64_t since_ms, struct sv page,
		struct arena *a, struct rows *out, struct err *err);
bool rest_list(struct connector *c, const struct object_ref *o, struct sv page, struct arena *a,
	       struct rows *out, struct err *err);
bool rest_find(struct connector *c, const struct object_ref *o, const struct write_field *by,
	       int by_n, struct arena *a, struct rows *out, struct err *err);
/* write.c */
bool rest_write(struct connector *c, struct write *w, int n, struct arena *a, struct err *err);
/* feed.c */
bool rest_changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		  struct changes *out, struct err *err);
/* history.c */
bool rest_history(struct connector *c, const struct object_ref *o, const struct field_ref *f,
		  struct sv cursor, struct arena *a, struct history *out, struct err *err);
/* schema.c */
bool rest_describe(struct connector *c, const char *object, struct arena *a,
		   struct schema_object *out, struct err *err);

/* webhook.c */
bool rest_listen(struct connector *c, struct err *err);
enum webhook_outcome rest_verify(struct connector *c, const struct webhook *w, struct arena *a,
				 struct webhook_news *out);

/* feed.c: what feed and webhook read alike. */
bool json_text_at(struct json_object *o, const char *path, struct arena *a, struct sv *out);
enum author rest_author(struct sv who, struct sv own);
void rest_changed_fields(const struct rest_description *d, struct json_object *event,
			 const char *path, struct arena *a, struct change *out);

/* Pure parts of the above, for tests. */

/* webhook.c: the same, with keys and our own user's id given. */
enum webhook_outcome webhook_read(const struct rest_description *d, struct hmac *const *key,
				  int key_n, struct sv own, const struct webhook *w,
				  struct arena *a, struct webhook_news *out);

/* feed.c: the changes of one batch; an empty body is no batch. False when it
 * is none. 'position' is -1 when there is no batch. */
bool feed_read_batch(const struct rest_description *d, struct json_object *body, struct sv own,
		     struct arena *a, struct changes *out, int64_t *position, struct err *err);
/* history.c: the steps of one answer that 'cursor' has not had yet. */
bool history_read(const struct rest_description *d, struct sv cursor, const struct rows_list *rows,
		  const struct field_ref *f, struct sv own, int64_t now_ms, struct arena *a,
		  struct history *out, struct err *err);
/* A value as the history spells it. */
struct value history_value(const struct rest_description *d, const struct value_type *type,
			   struct json_object *spelling, struct arena *a);
/* schema.c */
bool schema_read(const struct rest_description *d, const char *object, struct json_object *body,
		 struct arena *a, struct schema_object *out, struct err *err);

#endif
