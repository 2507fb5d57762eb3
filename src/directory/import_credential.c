/* import_credential.c — what a line about a credential means: it is known again by its uuid, or by its secret where the line has
 * no uuid. */
#include "auth/credentials.h"
#include "base/lookup.h"
#include "base/memory.h"
#include "directory/import_line.h"

static void remember_credential(struct ledger_organization *organization, const struct credential *credential)
{
    organization->credentials = memory_grow(organization->credentials, organization->credential_count,
                                            &organization->credential_capacity, sizeof *organization->credentials);
    union object copy = object_copy(&organization->credential_texts, NOUN_CREDENTIAL, (union object){ .any = credential });
    organization->credentials[organization->credential_count++] = *copy.credential;
}

static enum err load_credential(void *context, struct op *op, const struct credential *credential)
{
    (void)op;
    remember_credential(context, credential);
    return ERR_OK;
}

static enum err load_credentials(struct line *line)
{
    struct ledger_organization *organization = line->organization;
    if (organization->credentials_loaded || (organization->created && !organization->forgotten)) return ERR_OK;
    struct store_sink sink = { .context = organization, .credential = load_credential };
    int64_t version;
    organization->credentials_loaded = true;
    return store_load(line->op, line->importer->store, organization->id, &sink, NULL, &version);
}

static enum err note_secret(void *context, struct op *op, const struct credential *credential)
{
    (void)op;
    hash_set_add(context, lookup_hash_bytes(credential->secret_hash.bytes, sizeof credential->secret_hash.bytes));
    return ERR_OK;
}

/* While checking: a secret finds one credential, whatever organization it belongs to. */
static enum err check_secret(struct line *line)
{
    struct ledger *ledger = &line->importer->ledger;
    if (line->importer->writing) return ERR_OK;
    if (!ledger->secrets_loaded) {
        struct store_sink sink = { .context = &ledger->secrets, .credential = note_secret };
        int64_t cursor;
        enum err e = store_load_credentials(line->op, line->importer->store, &sink, &cursor);
        if (e) return e;
        ledger->secrets_loaded = true;
    }
    const struct digest *hash = &line->values.credential->secret_hash;
    if (hash_set_add(&ledger->secrets, lookup_hash_bytes(hash->bytes, sizeof hash->bytes))) return ERR_OK;
    return op_fail(line->op, ERR_EXISTS, "secret", "secret: another credential has it");
}

/* NULL: it is new. */
static struct credential *find_known(struct line *line, struct ledger_organization *organization)
{
    struct credential *values = line->values.credential;
    if (values->secret) values->secret_hash = credential_hash(&line->op->arena, values);
    for (size_t i = 0; i < organization->credential_count; i++) {
        struct credential *candidate = &organization->credentials[i];
        bool same = line_has(line, "uuid") ? uuid_equal(&candidate->uuid, &values->uuid)
                                           : digest_equal(&candidate->secret_hash, &values->secret_hash);
        if (same) return candidate;
    }
    return NULL;
}

bool import_credential_waits(struct line *line)
{
    struct ledger_organization *organization = ledger_find(&line->importer->ledger, line->organization_id);
    const struct credential *known = organization && line->importer->writing ? find_known(line, organization) : NULL;
    return known && !known->id;
}

/* As find_known. What the file made has a number once it is committed, which the database has to be asked for. */
static enum err find_numbered(struct line *line, struct credential **ret_known)
{
    *ret_known = find_known(line, line->organization);
    if (!*ret_known || (*ret_known)->id || !line->importer->writing) return ERR_OK;
    ledger_forget_credentials(line->organization);
    enum err e = load_credentials(line);
    *ret_known = find_known(line, line->organization);
    return e;
}

enum err import_credential(struct line *line)
{
    struct importer *importer = line->importer;
    struct credential *values = line->values.credential;
    struct ledger_organization *organization = line->organization;
    if (!values->secret && !line_has(line, "secretHash") && !line->deletes)
        return op_fail(line->op, ERR_INVALID, "secret", "secret: secret or secretHash is required");
    if (values->kind == CREDENTIAL_API_KEY && !values->key_id && !line->deletes)
        return op_fail(line->op, ERR_INVALID, "keyId", "keyId is required for an api-key");
    enum err e = load_credentials(line);
    if (!e && values->user_id && !line->deletes) e = line_check_exists(line, NOUN_USER, values->user_id, "userId");
    struct credential *known = NULL;
    if (!e) e = find_numbered(line, &known);
    if (e) return e;
    if (line->deletes)
        return op_fail(line->op, ERR_INVALID, "delete", "credentials are revoked (roster token revoke), not deleted");
    if (!known) {
        e = check_secret(line);
        if (e) return e;
        line_fill_uuid(&values->uuid);
        values->date_created = line->op->now;
        line_add_change(line, CREDENTIAL_CREATED, (union object){ 0 }, line->values);
        remember_credential(organization, values);
        return line_count(line, importer->counts.created), ERR_OK;
    }
    union object before = object_copy(&line->op->arena, NOUN_CREDENTIAL, (union object){ .credential = known }), after;
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (e) return e;
    after.credential->secret_hash = values->secret_hash;
    after.credential->secret = NULL;
    before.credential->secret = NULL;
    differ = fields_differ(NOUN_CREDENTIAL, before, after);
    if (!differ) return line_count(line, importer->counts.unchanged), ERR_OK;
    line_add_change(line, CREDENTIAL_UPDATED, before, after);
    *known = *object_copy(&organization->credential_texts, NOUN_CREDENTIAL, after).credential;
    return line_count(line, importer->counts.changed), ERR_OK;
}
