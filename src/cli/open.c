#include "cli/open.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "base/panic.h"
#include "store/credentials.h"
#include "systems/rest/rest.h"
#include "systems/salesforce/salesforce.h"

void opened_init(struct opened *o)
{
	*o = (struct opened){ 0 };
	arena_init(&o->arena);
	buf_init(&o->password, 64 * 1024);
}

void close_systems(struct opened *o)
{
	engine_destroy(o->engine);
	o->engine = NULL;
	for (int s = 0; s < SIDES; s++) {
		if (o->system[s])
			o->system[s]->ops->close(o->system[s]);
		o->system[s] = NULL;
	}
	channels_destroy(o->channels);
	o->channels = NULL;
	http_client_destroy(o->http);
	o->http = NULL;
}

void opened_close(struct opened *o)
{
	close_systems(o);
	store_close(o->beside);
	store_close(o->store);
	treaty_destroy(o->treaty);
	deployment_destroy(o->deployment);
	if (o->password.ptr)
		explicit_bzero(o->password.ptr, o->password.len);
	buf_finish(&o->password);
	arena_finish(&o->arena);
}

/* --------------------------------------------------------------- documents */

static void print_complaints(const struct complaints *list)
{
	struct buf b;
	buf_init(&b, 8 << 20);
	complaints_print(list, &b);
	fwrite(b.ptr ? b.ptr : "", 1, b.len, stderr);
	buf_finish(&b);
}

static bool open_treaty(struct opened *o, struct complaints *list)
{
	o->treaty = treaty_load(o->deployment->treaty_path, list);
	return o->treaty != NULL;
}

static bool open_documents_or(struct opened *o, const struct cli *c, bool (*instead)(struct opened *o))
{
	struct complaints list;
	complaints_init(&list, c->deployment);
	o->deployment = deployment_load(c->deployment, &list);
	if (!o->deployment) {
		print_complaints(&list);
		if (access(c->deployment, F_OK) != 0)
			fprintf(stderr, "Say which deployment with -d FILE or TREATY_DEPLOYMENT.\n");
	}
	complaints_finish(&list);
	if (!o->deployment)
		return false;
	complaints_init(&list, o->deployment->treaty_path);
	bool refused = !open_treaty(o, &list);
	if (refused)
		print_complaints(&list);
	complaints_finish(&list);
	if (refused && (!instead || !instead(o)))
		return false;
	complaints_init(&list, c->deployment);
	deployment_check_people(o->deployment, o->treaty, &list);
	print_complaints(&list);
	bool ok = list.n == 0;
	complaints_finish(&list);
	return ok;
}

bool open_draft(struct opened *o, const struct cli *c)
{
	return open_documents_or(o, c, NULL);
}

bool open_documents(struct opened *o, const struct cli *c)
{
	return open_documents_or(o, c, version_instead);
}

/* ------------------------------------------------------------------- store */

bool store_place(struct opened *o, struct store_options *out, struct err *err)
{
	const struct deployment *d = o->deployment;
	*out = (struct store_options){ .path = d->store_path, .postgres = d->store_postgres,
				       .clock = clock_real() };
	if (!d->store_password.text)
		return true;
	buf_clear(&o->password);
	bool ok = setting_resolve(d, &d->store_password, &o->password, err);
	out->password = buf_sv(&o->password);
	return ok;
}

static bool open_store_as(struct opened *o, bool read_only, struct err *err)
{
	struct store_options so;
	if (!store_place(o, &so, err))
		return false;
	so.must_exist = true;
	so.read_only = read_only;
	o->store = store_open(&so, err);
	return o->store && take_version_in_force(o, err);
}

bool open_store(struct opened *o, struct err *err)
{
	return open_store_as(o, false, err);
}

bool open_store_to_read(struct opened *o, struct err *err)
{
	return open_store_as(o, true, err);
}

bool open_store_to_activate(struct opened *o, struct err *err)
{
	struct store_options so;
	if (!store_place(o, &so, err))
		return false;
	o->store = store_open(&so, err);
	treaty_destroy(o->treaty);
	o->treaty = NULL; /* the document does not stand in for what is in force */
	return o->store && take_version_in_force(o, err);
}

/* Any text will do as a key: what seals is its hash. */
static bool store_key_of(const struct opened *o, unsigned char key[32], struct err *err)
{
	struct buf text;
	unsigned len = 32;
	buf_init(&text, 64 * 1024);
	bool ok = setting_resolve(o->deployment, &o->deployment->store_key, &text, err);
	if (ok && text.len < 16) {
		err_set(err, ERR_BAD_INPUT,
			"%s: store: key: shorter than 16 characters; make one with 'openssl rand -hex 32'",
			o->deployment->file);
		ok = false;
	}
	if (ok && EVP_Digest(text.ptr, text.len, key, &len, EVP_sha256(), NULL) != 1)
		panic("SHA-256 failed");
	if (text.ptr)
		explicit_bzero(text.ptr, text.len);
	buf_finish(&text);
	return ok;
}

bool open_store_alone(struct opened *o, bool threaded, struct err *err)
{
	unsigned char key[32];
	struct store_options so;
	if (!store_place(o, &so, err) || !store_key_of(o, key, err))
		return false;
	so.alone = true;
	so.threaded = threaded;
	so.key = sv_make(key, sizeof(key));
	o->store = store_open(&so, err);
	explicit_bzero(key, sizeof(key));
	return o->store && work_under_version(o, err);
}

/* ----------------------------------------------------------------- systems */

static bool credentials_get(struct credential_box *b, const char *name, struct buf *out,
			    struct err *err)
{
	struct credentials *c = (struct credentials *)b;
	if (c->store && store_key(c->store))
		return credential_get(c->store, name, out, err);
	err_set(err, ERR_NOT_FOUND, "no store to keep credentials in");
	return false;
}

/* Without a store (a preview before the first link) the next login begins with
 * the password again. */
static bool credentials_put(struct credential_box *b, const char *name, struct sv text,
			    struct err *err)
{
	struct credentials *c = (struct credentials *)b;
	return !c->store || !store_key(c->store) || credential_put(c->store, name, text, err);
}

static const char *beside(struct opened *o, const char *document, const char *name)
{
	const char *slash = strrchr(document, '/');
	return arena_printf(&o->arena, "%.*sconnectors/%s.yaml",
			    slash ? (int)(slash - document) + 1 : 0, document, name).ptr;
}

const char *find_description(struct opened *o, const char *name, struct err *err)
{
	if (strchr(name, '/') || sv_ends(sv_of(name), SV(".yaml"))) {
		const char *slash = strrchr(o->deployment->file, '/');
		bool whole = name[0] == '/' || !slash;
		return whole ? name :
			       arena_printf(&o->arena, "%.*s/%s", (int)(slash - o->deployment->file),
					    o->deployment->file, name).ptr;
	}
	const char *place[] = {
		beside(o, o->deployment->file, name),
		beside(o, o->deployment->treaty_path, name),
		arena_printf(&o->arena, TREATY_SOURCE_CONNECTORS "/%s.yaml", name).ptr,
		arena_printf(&o->arena, TREATY_CONNECTORS "/%s.yaml", name).ptr,
	};
	for (size_t i = 0; i < countof(place); i++)
		if (access(place[i], R_OK) == 0)
			return place[i];
	err_set(err, ERR_NOT_FOUND, "connector '%s': no description in %s, %s or %s", name, place[0],
		place[1], place[3]);
	return NULL;
}

static struct connector *open_system(struct opened *o, enum side side, struct err *err)
{
	const struct deployment *d = o->deployment;
	const struct treaty *t = o->treaty;
	const char **object = arena_array(&o->arena, const char *, (size_t)t->record_n + 1);
	for (int r = 0; r < t->record_n; r++)
		object[r] = t->record[r].side[side].object;
	if (strcmp(d->system[side].connector, "salesforce") == 0)
		return salesforce_open(d, o->http, clock_real(), object, t->record_n, err);
	const char *path = find_description(o, d->system[side].connector, err);
	o->stop[side] = rest_stop;
	return path ? rest_open(path, d, side, &o->credentials.box, o->http, clock_real(), object,
				t->record_n, err) :
		      NULL;
}

bool open_systems(struct opened *o, struct err *err)
{
	o->http = http_client_create();
	o->credentials = (struct credentials){ .box = { credentials_get, credentials_put },
					       .store = o->store };
	for (int s = 0; s < SIDES; s++) {
		o->system[s] = open_system(o, (enum side)s, err);
		if (!o->system[s])
			return false;
	}
	return true;
}

void open_channels(struct opened *o)
{
	if (!o->http)
		o->http = http_client_create();
	o->channels = channels_create(o->deployment, o->treaty, o->http);
}

/* Long looks keep nobody from writing. Without it they are taken in between. */
static struct store *open_beside(struct opened *o)
{
	struct store_options so;
	struct err why = { 0 };
	if (!o->beside && store_place(o, &so, &why)) {
		so.must_exist = so.read_only = true;
		o->beside = store_open(&so, &why);
	}
	return o->beside;
}

bool open_engine(struct opened *o, bool shadow, bool patient, struct err *err)
{
	struct engine_options eo = { .treaty = o->treaty, .store = o->store,
				     .clock = clock_real(), .shadow = shadow, .patient = patient,
				     .gather_ms = 100,
				     .sweep_every_ms = o->deployment->sweep_every_ms,
				     .sweep_at_ms = o->deployment->sweep_at_ms };
	eo.retention = (struct retention){ .journal_ms = o->deployment->keep_journal_ms,
					   .conflicts_ms = o->deployment->keep_conflicts_ms,
					   .confidential_ms = o->deployment->keep_confidential_ms };
	eo.beside = open_beside(o);
	for (int s = 0; s < SIDES; s++) {
		const struct deployment_system *system = &o->deployment->system[s];
		eo.system[s] = o->system[s];
		eo.request_ms[s] = system->timeout_ms;
		eo.concurrent[s] = system->limits.concurrent;
		eo.limits[s] = &system->limits;
	}
	if (o->channels)
		eo.audience = channels_audience(o->channels, &eo.audience_n);
	o->engine = engine_create(&eo);
	return engine_start(o->engine, err);
}
