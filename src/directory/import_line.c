/* import_line.c — one line of a directory file: which object it is about, whether it fits the batch, and what all nouns need to
 * say what it means, given the database and what the file brought before. That is in import_organization.c and its neighbours. */
#include "directory/import_line.h"

#include "base/lookup.h"

/* --- what exists --- */

enum err line_get_organization(struct importer *importer, struct op *op, int64_t id,
                               struct ledger_organization **ret_organization)
{
    struct ledger_organization *known = ledger_find(&importer->ledger, id);
    if (!known || importer->careful) { /* carefully: another process may have made names unique */
        bool found;
        union object object;
        enum err e = store_find(op, importer->store, NOUN_ORGANIZATION, id, id, 0, &found, &object);
        if (e) return e;
        if (!known) {
            known = ledger_add(&importer->ledger, id);
            known->exists = found;
        }
        if (found) known->unique_group_names = object.organization->unique_group_names;
    }
    *ret_organization = known;
    return ERR_OK;
}

enum err line_find_stored(struct line *line, enum noun noun, int64_t id, int64_t second_id, bool *ret_found,
                          union object *ret_object)
{
    *ret_found = false;
    bool made_here = line->organization && line->organization->created;
    const struct number_set *made = noun == NOUN_USER ? &line->organization->users : &line->organization->groups;
    const struct number_set *deleted =
        noun == NOUN_USER ? &line->organization->deleted_users : &line->organization->deleted_groups;
    bool by_file = (noun == NOUN_USER || noun == NOUN_GROUP) && (number_set_has(made, id) || number_set_has(deleted, id));
    bool again = line->deletes || by_file;
    if (made_here && !line->importer->careful && !(again && line->importer->writing)) return ERR_OK;
    return import_find(line->importer, noun, line->organization_id, id, second_id, ret_found, ret_object);
}

enum err line_find_account(struct line *line, int64_t id, bool *ret_found, union object *ret_object)
{
    const struct importer *importer = line->importer;
    const struct ledger *ledger = &importer->ledger;
    enum err e = import_find(line->importer, NOUN_ACCOUNT, INSTALLATION, id, 0, ret_found, ret_object);
    bool by_file = number_set_has(&ledger->deleted_accounts, id) || number_set_has(&ledger->accounts, id);
    if (!e && !importer->writing && by_file) *ret_found = false;
    return e;
}

static bool is_deleted(enum noun noun, union object object)
{
    return noun == NOUN_USER ? object.user->deleted_at != 0 : noun == NOUN_GROUP ? object.group->deleted_at != 0 : false;
}

enum err line_check_exists(struct line *line, enum noun noun, int64_t id, const char *field)
{
    struct ledger_organization *organization = line->organization;
    const struct number_set *made = noun == NOUN_USER ? &organization->users : &organization->groups;
    const struct number_set *deleted = noun == NOUN_USER ? &organization->deleted_users : &organization->deleted_groups;
    bool found = number_set_has(made, id);
    if (!found && !number_set_has(deleted, id)) {
        union object object;
        enum err e = line_find_stored(line, noun, id, 0, &found, &object);
        if (e) return e;
        if (found) found = !is_deleted(noun, object);
    }
    if (found) return ERR_OK;
    return op_fail(line->op, ERR_NOT_FOUND, field, "%s: there is no %s %lld in organization %lld", field, noun_name(noun), LL(id),
                   LL(line->organization_id));
}

/* --- making changes --- */

void line_count(struct line *line, int64_t counts[NOUN_COUNT])
{
    counts[line->noun]++;
}

void line_add_change(struct line *line, enum change_kind kind, union object before, union object after)
{
    struct importer *importer = line->importer;
    bool installation = line->noun == NOUN_ORGANIZATION || line->noun == NOUN_ACCOUNT;
    change_add(&line->op->arena, installation ? &importer->installation : &importer->changes, kind, before, after);
}

bool line_has(const struct line *line, const char *name)
{
    const struct field *fields = noun_fields(line->noun);
    for (int i = 0; fields[i].name; i++)
        if (strcmp(fields[i].name, name) == 0) return line->present >> i & 1;
    return false;
}

/* The three lists of grants are one in memory: those that the line does not mention are taken over from what is stored. */
static void merge_grants(struct line *line, const struct group *before)
{
    static const char *const names[] = {
        [GRANT_LANGUAGE] = "languages", [GRANT_SEGMENT] = "segments", [GRANT_BUSINESS_UNIT] = "businessUnits"
    };
    struct group *values = line->values.group;
    struct grant *merged = arena_array(&line->op->arena, before->grant_count + values->grant_count, sizeof *merged);
    size_t count = 0;
    for (int kind = GRANT_LANGUAGE; kind <= GRANT_BUSINESS_UNIT; kind++) {
        const struct group *from = line_has(line, names[kind]) ? values : before;
        for (size_t i = 0; i < from->grant_count; i++)
            if (from->grants[i].kind == kind) merged[count++] = from->grants[i];
    }
    values->grants = merged;
    values->grant_count = count;
}

enum err line_merge(struct line *line, union object before, union object *ret_after, field_set *ret_differ)
{
    union object after = object_copy(&line->op->arena, line->noun, before);
    if (line->noun == NOUN_GROUP) merge_grants(line, before.group);
    fields_copy(line->noun, line->present, line->values, after);
    *ret_differ = fields_differ(line->noun, before, after);
    field_set fixed = *ret_differ & fields_with(line->noun, FIELD_FIXED);
    if (fixed) {
        const char *name = noun_fields(line->noun)[__builtin_ctzll(fixed)].name;
        return op_fail(line->op, ERR_INVALID, name, "%s of %s cannot be changed", name, noun_name(line->noun));
    }
    *ret_after = after;
    return ERR_OK;
}

void line_fill_uuid(struct uuid *uuid)
{
    if (uuid_is_nil(uuid)) *uuid = uuid_random();
}

enum err line_check_new(struct line *line, int64_t id, const struct uuid *uuid)
{
    struct importer *importer = line->importer;
    struct ledger *ledger = &importer->ledger;
    if (importer->writing) return ERR_OK;
    const struct number_set *made = line->noun == NOUN_USER ? &ledger->users : line->noun == NOUN_GROUP ? &ledger->groups : NULL;
    const struct number_set *here = line->noun == NOUN_ORGANIZATION ? NULL
                                    : line->noun == NOUN_ACCOUNT    ? &ledger->accounts
                                    : line->noun == NOUN_USER       ? &line->organization->users
                                                                    : &line->organization->groups;
    if (here && number_set_has(here, id)) return ERR_OK; /* the file has it twice: the second is a change of the first */
    const char *field = made && number_set_has(made, id) ? "id" : NULL;
    enum err e = ERR_OK;
    int64_t *largest = &ledger->largest[line->noun];
    if (!*largest) e = store_largest_number(line->op, importer->store, line->noun, largest);
    if (!e && !*largest) *largest = -1; /* there is none */
    /* Larger than any and in an organization that the file makes: the database cannot have it. So it is for nearly all lines of a
     * large file. */
    bool is_new = id > *largest && line->organization && line->organization->created;
    if (!e && !field && !is_new)
        e = store_find_conflict(line->op, importer->store, line->noun, line->organization_id, id, uuid, &field);
    if (e) return e;
    struct {
        struct uuid uuid;
        int64_t noun, organization_id;
    } key = { *uuid, line->noun, line->noun == NOUN_ORGANIZATION ? INSTALLATION : line->organization_id };
    if (!field && !uuid_is_nil(uuid) && !hash_set_add(&ledger->uuids, lookup_hash_bytes(&key, sizeof key))) field = "uuid";
    if (!field) return ERR_OK;
    return op_fail(line->op, ERR_EXISTS, field, "%s: another %s has it", field, noun_name(line->noun));
}

bool line_seen_while_checking(struct line *line, const struct number_set *made, int64_t id)
{
    bool seen = !line->importer->writing && number_set_has(made, id);
    if (seen) line_count(line, line->importer->counts.unchanged);
    return seen;
}

/* --- a line --- */

static enum err (*const importers[NOUN_COUNT])(struct line *line) = {
    [NOUN_ORGANIZATION] = import_organization,
    [NOUN_ACCOUNT] = import_account,
    [NOUN_USER] = import_user,
    [NOUN_GROUP] = import_group,
    [NOUN_MEMBERSHIP] = import_membership,
    [NOUN_NESTING] = import_nesting,
    [NOUN_CREDENTIAL] = import_credential,
};

static int64_t organization_of(enum noun noun, union object object)
{
    switch (noun) {
    case NOUN_ORGANIZATION:
        return object.organization->id;
    case NOUN_USER:
        return object.user->organization_id;
    case NOUN_GROUP:
        return object.group->organization_id;
    case NOUN_MEMBERSHIP:
        return object.membership->organization_id;
    case NOUN_NESTING:
        return object.nesting->organization_id;
    case NOUN_CREDENTIAL:
        return object.credential->organization_id;
    case NOUN_ACCOUNT:
    case NOUN_COUNT:
        return INSTALLATION;
    }
    return INSTALLATION;
}

/* What a line that deletes must name: the members that identify the object, not what a new one would need. */
static enum err check_required(struct line *line)
{
    if (!line->deletes) return fields_check_required(line->op, line->noun, line->present);
    const struct field *fields = noun_fields(line->noun);
    field_set identity = fields_with(line->noun, FIELD_FIXED) & fields_with(line->noun, FIELD_REQUIRED);
    field_set missing = identity & ~line->present;
    if (!missing) return ERR_OK;
    const char *name = fields[__builtin_ctzll(missing)].name;
    return op_fail(line->op, ERR_INVALID, name, "%s is missing", name);
}

static enum err read_line(struct line *line, const json_t *json)
{
    struct op *op = line->op;
    if (!json_is_object(json)) return op_fail(op, ERR_INVALID, "", "a line must be a JSON object, not %s", json_kind_name(json));
    const json_t *type = json_object_get(json, "type"), *deletes = json_object_get(json, "delete");
    if (!json_is_string(type)) return op_fail(op, ERR_INVALID, "type", "type is missing");
    if (!noun_find(json_string_value(type), &line->noun))
        return op_fail(op, ERR_INVALID, "type",
                       "type: \"%.40s\" is none of organization, account, user, group, membership, nesting, credential",
                       json_string_value(type));
    if (deletes && !json_is_boolean(deletes)) return op_fail(op, ERR_INVALID, "delete", "delete must be true or false");
    line->deletes = json_is_true(deletes);
    line->values = (union object){ .any = arena_zalloc(&op->arena, noun_size(line->noun)) };
    fields_set_defaults(line->noun, line->values);
    enum err e = fields_read(op, line->noun, json, line->values, &line->present);
    return e ? e : check_required(line);
}

/* A second line about the same object must see what the first did. */
uint64_t line_object(const struct line *line)
{
    const union object values = line->values;
    int64_t key[4] = { line->noun, 0, 0, 0 };
    switch (line->noun) {
    case NOUN_ORGANIZATION:
        key[1] = values.organization->id;
        break;
    case NOUN_ACCOUNT:
        key[1] = values.account->id;
        break;
    case NOUN_USER:
        key[1] = values.user->id;
        break;
    case NOUN_GROUP:
        key[1] = values.group->id;
        break;
    case NOUN_MEMBERSHIP:
        key[1] = values.membership->group_id;
        key[2] = values.membership->user_id;
        break;
    case NOUN_NESTING:
        key[1] = values.nesting->group_id;
        key[2] = values.nesting->child_group_id;
        break;
    case NOUN_CREDENTIAL: /* the ledger knows those of the batch */
    case NOUN_COUNT:
        return 0;
    }
    return lookup_hash_bytes(key, sizeof key);
}

static enum batch_kind kind_of(const struct line *line)
{
    if (!line->deletes) return BATCH_PUTS;
    return line->noun == NOUN_USER ? BATCH_DELETES_USERS : BATCH_DELETES;
}

/* One batch has one organization and one kind; deletions of an organization or account stand alone. A line about an organization
 * needs what the lines before did to it and its groups in the database, so it is the first of its batch but for accounts. */
static bool fits_batch(struct line *line)
{
    const struct importer *importer = line->importer;
    if (!importer->line_count) return true;
    if (line->noun == NOUN_CREDENTIAL && import_credential_waits(line)) return false;
    if (line->deletes && (line->noun == NOUN_ORGANIZATION || line->noun == NOUN_ACCOUNT)) return false;
    if (line->noun == NOUN_ACCOUNT) return true; /* accounts come between an organization's users */
    if (importer->organization_id == NO_ORGANIZATION) return true;
    if (line->noun == NOUN_ORGANIZATION) return false;
    return importer->organization_id == line->organization_id && importer->kind == kind_of(line);
}

bool line_stays_in_batch(const struct line *line)
{
    const struct importer *importer = line->importer;
    if (line->noun == NOUN_ORGANIZATION) return false;
    if (line->noun == NOUN_ACCOUNT) return !line->deletes;
    return line->organization_id == importer->organization_id && kind_of(line) == importer->kind;
}

/* What was asked ahead is of one organization and has its fence already: or each bad line that might begin a batch would ask. */
static enum err enter_batch(struct line *line)
{
    struct importer *importer = line->importer;
    const bool seen = importer->ahead.at < importer->ahead.asked;
    if (!importer->line_count && !seen) {
        enum err e = import_see_version(importer, INSTALLATION);
        if (e) return e;
    }
    if (line->noun == NOUN_ACCOUNT || importer->organization_id == line->organization_id) return ERR_OK;
    importer->organization_id = line->organization_id;
    importer->kind = kind_of(line);
    return seen ? ERR_OK : import_see_version(importer, line->organization_id);
}

/* Of those that belong to it: for them nothing is asked. */
static bool is_organization_missing(const struct line *line)
{
    if (line->noun == NOUN_ORGANIZATION || line->noun == NOUN_ACCOUNT) return false;
    const struct ledger_organization *known = ledger_find(&line->importer->ledger, line->organization_id);
    return known && !known->exists;
}

enum err line_read(struct line *line, const char *text, size_t size)
{
    json_t *json;
    enum err e = json_parse(&line->op->failure, text, size, &json);
    if (e) return e;
    e = read_line(line, json);
    json_decref(json);
    if (!e) line->organization_id = organization_of(line->noun, line->values);
    return e;
}

enum err import_line(struct importer *importer, const char *text, size_t size)
{
    struct line line = { .importer = importer, .op = importer->batch };
    const struct line *read = importer->careful ? NULL : importer->ahead.lines[importer->ahead.at].read;
    enum err e = ERR_OK;
    if (read) line = *read;
    else e = line_read(&line, text, size);
    uint64_t key = e ? 0 : line_object(&line);
    if (!e && (!fits_batch(&line) || (importer->writing && key && !hash_set_add(&importer->touched, key)))) {
        e = import_flush(importer); /* frees the memory of the batch, so this line is read again into the next one */
        if (!e) e = line_read(&line, text, size);
        if (!e && key) hash_set_add(&importer->touched, key);
    }
    if (!e && !is_organization_missing(&line)) e = enter_batch(&line);
    if (!e && line.noun != NOUN_ORGANIZATION && line.noun != NOUN_ACCOUNT) {
        e = line_get_organization(importer, line.op, line.organization_id, &line.organization);
        if (!e && !line.organization->exists)
            e = op_fail(line.op, ERR_NOT_FOUND, "organizationId", "organizationId: there is no organization %lld",
                        LL(line.organization_id));
    }
    if (!e) e = import_look_ahead(importer);
    importer->noun = line.noun;
    return e ? e : importers[line.noun](&line);
}
