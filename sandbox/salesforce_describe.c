/* Describe: all keys of the real answers, in their order (recorded answers of
 * Contact, Account and a custom object at v52 and later). What depends on the
 * caller's field permissions is what the caller sees: a field that may not be
 * read is absent, one that may not be edited says updateable false. */
#include "salesforce.h"

static void add_flag(struct buf *b, const char *key, bool on)
{
	buf_addf(b, "\"%s\":%s,", key, on ? "true" : "false");
}

static void add_text(struct buf *b, const char *key, const char *text)
{
	buf_addf(b, "\"%s\":", key);
	if (text)
		buf_add_json_text(b, sv_of(text));
	else
		buf_add(b, SV("null"));
	buf_addc(b, ',');
}

static bool is_custom(const struct table *t)
{
	return sv_ends(sv_of(t->def->name), SV("__c"));
}

static bool is_text(enum field_type type)
{
	return type == FIELD_TEXT || type == FIELD_TEXTAREA || type == FIELD_EMAIL || type == FIELD_PHONE ||
	       type == FIELD_URL || type == FIELD_PICKLIST || type == FIELD_MULTIPICKLIST;
}

static const char *soap_type(enum field_type type)
{
	switch (type) {
	case FIELD_ID:
	case FIELD_REFERENCE:
	case FIELD_REFERENCES:
		return "tns:ID";
	case FIELD_BOOL:
		return "xsd:boolean";
	case FIELD_INT:
		return "xsd:int";
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
		return "xsd:double";
	case FIELD_DATE:
		return "xsd:date";
	case FIELD_DATETIME:
		return "xsd:dateTime";
	case FIELD_COMPUTED:
		return "urn:address";
	default:
		return "xsd:string";
	}
}

static void add_picklist(struct buf *b, const struct field_def *f)
{
	bool first = true;
	buf_add(b, SV("\"picklistValues\":["));
	const char *const *values = f->values;
	if (f->type == FIELD_MULTIPICKLIST && !values)
		values = people_skills();
	for (; values && *values; values++) {
		buf_addf(b, "%s{\"active\":true,\"defaultValue\":false,\"label\":", first ? "" : ",");
		buf_add_json_text(b, sv_of(*values));
		buf_add(b, SV(",\"validFor\":null,\"value\":"));
		buf_add_json_text(b, sv_of(*values));
		buf_addc(b, '}');
		first = false;
	}
	buf_add(b, SV("],"));
}

static void add_default(struct buf *b, const struct field_def *f)
{
	if (f->type == FIELD_BOOL)
		buf_addf(b, "\"defaultValue\":%s,", f->initial ? f->initial : "false");
	else
		buf_add(b, SV("\"defaultValue\":null,"));
}

static const char *extra_type(const struct table *t, const struct field_def *f)
{
	if (f->type == FIELD_TEXTAREA)
		return "plaintextarea";
	if (strcmp(t->def->name, "Contact") == 0 && (f->flags & FIELD_NAME || (f->compound && strcmp(f->compound, "Name") == 0)))
		return "personname";
	return NULL;
}

/* Describe says where a reference's name leads without the '__r' rule being
 * applied again: relationshipName is as SOQL writes it. */
static void add_reference(struct buf *b, const struct field_def *f)
{
	add_text(b, "referenceTargetField", NULL);
	if (f->target)
		buf_addf(b, "\"referenceTo\":[\"%s\"],", f->target);
	else
		buf_add(b, SV("\"referenceTo\":[],"));
	add_text(b, "relationshipName", f->relationship);
	buf_add(b, SV("\"relationshipOrder\":null,\"restrictedDelete\":false,"));
}

static void add_field(struct buf *b, const struct table *t, int index, const struct sf_session *who)
{
	const struct field_def *f = &t->def->fields[index];
	unsigned w = f->flags;
	bool address = f->type == FIELD_COMPUTED, system = (w & FIELD_VIRTUAL) && (w & FIELD_REQUIRED);
	bool required = w & FIELD_REQUIRED, edit = sf_may_edit(who, t, index);
	bool boolean = f->type == FIELD_BOOL;
	bool defaulted = boolean || w & (FIELD_DEFAULTED | FIELD_AUTONUMBER) || (system && !(w & FIELD_NAME));
	bool text = is_text(f->type), date = f->type == FIELD_DATE;
	bool in_name = f->compound && strcmp(f->compound, "Name") == 0;
	bool long_text = f->length > 4000 || f->type == FIELD_MULTIPICKLIST;
	buf_addc(b, '{');
	add_flag(b, "aggregatable", !boolean && !address && !long_text);
	add_flag(b, "aiPredictionField", false);
	add_flag(b, "autoNumber", w & FIELD_AUTONUMBER);
	buf_addf(b, "\"byteLength\":%d,", f->type == FIELD_ID || f->type == FIELD_REFERENCE ? 18 : f->length * 3);
	add_flag(b, "calculated", w & FIELD_CALCULATED);
	add_text(b, "calculatedFormula", NULL);
	add_flag(b, "cascadeDelete", false);
	add_flag(b, "caseSensitive", w & FIELD_CASE_SENSITIVE);
	add_text(b, "compoundFieldName", f->compound);
	add_text(b, "controllerName", NULL);
	add_flag(b, "createable", !(w & FIELD_NO_CREATE) && edit);
	add_flag(b, "custom", w & FIELD_CUSTOM);
	add_default(b, f);
	add_text(b, "defaultValueFormula", NULL);
	add_flag(b, "defaultedOnCreate", defaulted);
	add_flag(b, "dependentPicklist", false);
	add_flag(b, "deprecatedAndHidden", false);
	buf_addf(b, "\"digits\":%d,", f->type == FIELD_INT ? 8 : 0);
	add_flag(b, "displayLocationInDecimal", false);
	add_flag(b, "encrypted", false);
	add_flag(b, "externalId", w & FIELD_EXTERNAL_ID);
	add_text(b, "extraTypeInfo", extra_type(t, f));
	add_flag(b, "filterable", !(f->type == FIELD_TEXTAREA && f->length > 255));
	add_text(b, "filteredLookupInfo", NULL);
	add_flag(b, "formulaTreatNullNumberAsZero", false);
	add_flag(b, "groupable", (text && !long_text) || boolean || date || f->type == FIELD_REFERENCE || f->type == FIELD_ID);
	add_flag(b, "highScaleNumber", false);
	add_flag(b, "htmlFormatted", false);
	add_flag(b, "idLookup", w & FIELD_ID_LOOKUP);
	add_text(b, "inlineHelpText", NULL);
	add_text(b, "label", f->label);
	buf_addf(b, "\"length\":%d,", f->length);
	add_text(b, "mask", NULL);
	add_text(b, "maskType", NULL);
	add_text(b, "name", f->name);
	add_flag(b, "nameField", w & FIELD_NAME);
	add_flag(b, "namePointing", false);
	add_flag(b, "nillable", !required && !boolean);
	add_flag(b, "permissionable", !required && !in_name && !(w & FIELD_VIRTUAL && !address));
	add_picklist(b, f);
	add_flag(b, "polymorphicForeignKey", false);
	buf_addf(b, "\"precision\":%d,", f->precision);
	add_flag(b, "queryByDistance", address);
	add_reference(b, f);
	add_flag(b, "restrictedPicklist", w & FIELD_RESTRICTED);
	buf_addf(b, "\"scale\":%d,", f->scale);
	add_flag(b, "searchPrefilterable", f->type == FIELD_REFERENCE && !(w & FIELD_VIRTUAL));
	add_text(b, "soapType", soap_type(f->type));
	add_flag(b, "sortable", !address && !long_text);
	add_text(b, "type", sf_type_name(t, index));
	add_flag(b, "unique", w & FIELD_UNIQUE);
	add_flag(b, "updateable", !(w & FIELD_NO_UPDATE) && edit);
	buf_add(b, SV("\"writeRequiresMasterRead\":false}"));
}

static void add_urls(struct buf *b, struct sv version, const char *name, bool full)
{
	struct {
		const char *key, *tail;
	} urls[] = { { "compactLayouts", "/describe/compactLayouts" }, { "rowTemplate", "/{ID}" },
		     { "approvalLayouts", "/describe/approvalLayouts" }, { "listviews", "/listviews" },
		     { "describe", "/describe" }, { "quickActions", "/quickActions" },
		     { "layouts", "/describe/layouts" }, { "sobject", "" } };
	buf_add(b, SV("\"urls\":{"));
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		buf_addf(b, "%s\"%s\":\"/services/data/%.*s/sobjects/%s%s\"", i ? "," : "", urls[i].key,
			 SV_ARG(version), name, urls[i].tail);
	if (full)
		buf_addf(b, ",\"uiEditTemplate\":\"/{ID}/e\",\"uiDetailTemplate\":\"/{ID}\"");
	buf_addc(b, '}');
}

/* The flags that the global list and the basic information also hold. */
static void add_object_flags(struct buf *b, const struct sf_call *c, const struct table *t)
{
	bool plain = !t->def->hidden_from_feed;
	bool mergeable = t == c->sf->account || t == c->sf->contact;
	add_flag(b, "activateable", false);
	add_text(b, "associateEntityType", NULL);
	add_text(b, "associateParentEntity", NULL);
	add_flag(b, "createable", plain);
	add_flag(b, "custom", is_custom(t));
	add_flag(b, "customSetting", false);
	add_flag(b, "deepCloneable", false);
	add_flag(b, "deletable", plain);
	add_flag(b, "deprecatedAndHidden", false);
	add_flag(b, "feedEnabled", !is_custom(t));
	add_flag(b, "hasSubtypes", false);
	add_flag(b, "isInterface", false);
	add_flag(b, "isSubtype", false);
	add_text(b, "keyPrefix", t->def->prefix);
	add_text(b, "label", t->def->label);
	add_text(b, "labelPlural", t->def->plural);
	add_flag(b, "layoutable", plain);
	add_flag(b, "mergeable", mergeable);
	add_flag(b, "mruEnabled", plain);
	add_text(b, "name", t->def->name);
	add_flag(b, "queryable", true);
	add_flag(b, "replicateable", true);
	add_flag(b, "retrieveable", true);
	add_flag(b, "searchable", plain);
	add_flag(b, "triggerable", plain);
	add_flag(b, "undeletable", plain);
	add_flag(b, "updateable", plain);
}

/* Lookups that point here, as childRelationships lists them. */
static void add_children(struct buf *b, const struct sf_call *c, const struct table *t)
{
	const struct tables *all = c->sf->system->tables;
	bool first = true;
	buf_add(b, SV("\"childRelationships\":["));
	for (size_t i = 0; i < all->len; i++) {
		const struct table_def *d = all->items[i]->def;
		for (size_t k = 0; k < d->fields_len; k++) {
			const struct field_def *f = &d->fields[k];
			if (!f->target || strcmp(f->target, t->def->name) != 0 || f->flags & FIELD_VIRTUAL)
				continue;
			buf_addf(b,
				 "%s{\"cascadeDelete\":false,\"childSObject\":\"%s\",\"deprecatedAndHidden\":false,\"field\":\"%s\",\"junctionIdListNames\":[],\"junctionReferenceTo\":[],\"relationshipName\":null,\"restrictedDelete\":false}",
				 first ? "" : ",", d->name, f->name);
			first = false;
		}
	}
	buf_add(b, SV("],"));
}

static void add_fields(struct buf *b, const struct sf_call *c, const struct table *t)
{
	bool first = true;
	buf_add(b, SV("\"fields\":["));
	for (size_t i = 0; i < t->def->fields_len; i++) {
		if (!sf_may_read(c->who, t, (int)i))
			continue;
		if (!first)
			buf_addc(b, ',');
		first = false;
		add_field(b, t, (int)i, c->who);
	}
	buf_add(b, SV("],"));
}

/* 'Mon, 23 Nov 2026 10:00:00 GMT' in whole seconds. */
static struct sv http_date(struct arena *a, int64_t ms)
{
	char text[40];
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return arena_sv(a, sv_of(text));
}

static bool not_modified(struct sf_call *c, const struct table *t)
{
	const struct sf_object *o = t->extra;
	struct sv since = http_header(c->req, "If-Modified-Since");
	struct tm tm = { 0 };
	http_add_header(c->resp, "Last-Modified", http_date(c->a, o->schema_ms));
	http_add_header(c->resp, "ETag", arena_printf(c->a, "\"%llx\"", (unsigned long long)(o->schema_ms / 1000)));
	return since.len && strptime(arena_str(c->a, since), "%a, %d %b %Y %H:%M:%S", &tm) &&
	       timegm(&tm) >= o->schema_ms / 1000;
}

void sf_handle_describe(struct sf_call *c, struct table *t)
{
	struct buf *b = &c->resp->body;
	if (not_modified(c, t)) {
		c->resp->status = 304;
		return;
	}
	buf_add(b, SV("{\"actionOverrides\":[],"));
	add_children(b, c, t);
	add_flag(b, "compactLayoutable", true);
	add_text(b, "defaultImplementation", NULL);
	add_text(b, "extendedBy", NULL);
	add_text(b, "extendsInterfaces", NULL);
	add_fields(b, c, t);
	add_text(b, "implementedBy", NULL);
	add_text(b, "implementsInterfaces", NULL);
	add_text(b, "listviewable", NULL);
	add_text(b, "lookupLayoutable", NULL);
	buf_add(b, SV("\"namedLayoutInfos\":[],"));
	add_text(b, "networkScopeFieldName", NULL);
	buf_addf(b,
		 "\"recordTypeInfos\":[{\"active\":true,\"available\":true,\"defaultRecordTypeMapping\":true,\"developerName\":\"Master\",\"master\":true,\"name\":\"Master\",\"recordTypeId\":\"012000000000000AAA\",\"urls\":{\"layout\":\"/services/data/%.*s/sobjects/%s/describe/layouts/012000000000000AAA\"}}],",
		 SV_ARG(c->version), t->def->name);
	add_flag(b, "searchLayoutable", true);
	add_text(b, "sobjectDescribeOption", "FULL");
	buf_addf(b, "\"supportedScopes\":[{\"label\":\"All\",\"name\":\"everything\"},{\"label\":\"Mine\",\"name\":\"mine\"}],");
	add_object_flags(b, c, t);
	add_urls(b, c->version, t->def->name, true);
	buf_addc(b, '}');
}

static void add_object(struct buf *b, const struct sf_call *c, const struct table *t)
{
	buf_addc(b, '{');
	add_object_flags(b, c, t);
	add_urls(b, c->version, t->def->name, false);
	buf_addc(b, '}');
}

void sf_handle_basic(struct sf_call *c, struct table *t)
{
	struct buf *b = &c->resp->body;
	buf_add(b, SV("{\"objectDescribe\":"));
	add_object(b, c, t);
	buf_add(b, SV(",\"recentItems\":[]}"));
}

void sf_handle_describe_global(struct sf_call *c)
{
	struct buf *b = &c->resp->body;
	const struct tables *all = c->sf->system->tables;
	buf_add(b, SV("{\"encoding\":\"UTF-8\",\"maxBatchSize\":200,\"sobjects\":["));
	for (size_t i = 0; i < all->len; i++) {
		if (i)
			buf_addc(b, ',');
		add_object(b, c, all->items[i]);
	}
	buf_add(b, SV("]}"));
}
