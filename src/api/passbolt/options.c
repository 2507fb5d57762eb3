/* options.c — the names a query may have, as tables, and the checks of the original's query string component in its order. */
#include "api/passbolt/options.h"

#include "api/passbolt/encode.h"

#include <string.h>
#include <strings.h>

/* What is being read. */
struct reader {
    struct op *op;
    enum passbolt_profile profile;
    enum passbolt_place place;
    const struct passbolt_contain_row *contains;
    struct passbolt_group_options *options;
};

/* Does the original make a list of a top-level text? It splits one that has a comma anywhere but at its beginning. */
static bool is_split(const char *text)
{
    return strchr(text, ',') && text[0] != ',';
}

/* The part of `*text` up to a comma or the end, in the arena; *text is NULL after the last. */
static const char *take_part(struct arena *arena, const char **text)
{
    size_t size = strcspn(*text, ",");
    const char *part = arena_strndup(arena, *text, size);
    *text = (*text)[size] ? *text + size + 1 : NULL;
    return part;
}

/* --- contain --- */

/* To add an option: a bit in enum passbolt_contain, a row here, what it adds in objects.c. */
enum {
    READ = PASSBOLT_LIST | PASSBOLT_VIEW,
    EVERYWHERE = READ | PASSBOLT_CREATE,
    MODIFIER_PROFILE = CONTAIN_MODIFIER | CONTAIN_MODIFIER_PROFILE,
    MEMBER_USERS = CONTAIN_MEMBERS | CONTAIN_MEMBER_USERS,
    MEMBER_PROFILES = MEMBER_USERS | CONTAIN_MEMBER_PROFILES,
    MEMBER_KEYS = MEMBER_USERS | CONTAIN_MEMBER_KEYS,
};
// clang-format off
static const struct passbolt_contain_row group_contains[] = {
    /* name                      bits                    profile 5   profile 2      when_present */
    { "modifier",                  CONTAIN_MODIFIER,      READ,       READ,          true },
    { "modifier.profile",          MODIFIER_PROFILE,      READ,       READ,          true },
    { "my_group_user",             CONTAIN_MY_GROUP_USER, EVERYWHERE, READ,          true },
    { "user",                      CONTAIN_USERS,         READ,       READ,          false },
    { "users",                     CONTAIN_USERS,         READ,       0,             false },
    { "group_user",                CONTAIN_MEMBERS,       READ,       PASSBOLT_LIST, false },
    { "groups_users",              CONTAIN_MEMBERS,       READ,       0,             false },
    { "group_user.user",           MEMBER_USERS,          READ,       0,             false },
    { "groups_users.user",         MEMBER_USERS,          READ,       0,             false },
    { "group_user.user.profile",   MEMBER_PROFILES,       READ,       0,             false },
    { "groups_users.user.profile", MEMBER_PROFILES,       READ,       0,             false },
    { "group_user.user.gpgkey",    MEMBER_KEYS,           READ,       0,             false },
    { "groups_users.user.gpgkey",  MEMBER_KEYS,           READ,       0,             false },
    { 0 },
};
// clang-format on

/* What comes unasked. */
static unsigned always_contained(enum passbolt_profile profile, enum passbolt_place place)
{
    if (place == PASSBOLT_CREATE) return CONTAIN_MEMBERS;
    return place == PASSBOLT_VIEW && profile == PASSBOLT_2 ? (unsigned)(MEMBER_PROFILES | MEMBER_KEYS) : 0;
}

static const struct passbolt_contain_row *find_contain(const struct reader *reader, const char *name)
{
    for (const struct passbolt_contain_row *row = reader->contains; row->name; row++) {
        unsigned places = reader->profile == PASSBOLT_2 ? row->p2 : row->p5;
        if (places & reader->place && strcmp(row->name, name) == 0) return row;
    }
    return NULL;
}

/* 1 and true in any letter case, 0 and false; an array is false. */
static enum err read_boolean(struct op *op, const char *text, bool *ret_value)
{
    *ret_value = text && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0);
    if (*ret_value || !text || strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0) return ERR_OK;
    return op_fail(op, ERR_INVALID, "contain", "Invalid contain. \"%s\" is not a valid contain value.", text);
}

/* contain=a,b of profile 2: values without names. */
static enum err check_contain_list(struct op *op, const char *text)
{
    enum err e = ERR_OK;
    bool value;
    while (text && !e) e = read_boolean(op, take_part(&op->arena, &text), &value);
    return e;
}

static enum err read_contain(const struct reader *reader, const struct passbolt_value *contain)
{
    if (contain->text) return check_contain_list(reader->op, contain->text);
    for (const struct passbolt_value *value = contain->first; value; value = value->next) {
        const struct passbolt_contain_row *row = find_contain(reader, value->key);
        bool wanted;
        if (!row && !value->is_index) continue;
        enum err e = read_boolean(reader->op, value->text, &wanted);
        if (e) return e;
        if (row && (wanted || row->when_present || reader->profile == PASSBOLT_2)) reader->options->contain |= row->bits;
    }
    return ERR_OK;
}

static enum err check_contain_kind(const struct reader *reader, const struct passbolt_value *query)
{
    const struct passbolt_value *contain = passbolt_query_find(query, "contain");
    if (!contain || !contain->text) return ERR_OK;
    if (reader->profile == PASSBOLT_5)
        return op_fail(reader->op, ERR_INVALID, "contain", "Invalid query string. The contain parameter should be an array.");
    if (is_split(contain->text)) return ERR_OK;
    return op_fail(reader->op, ERR_INVALID, "contain", "Invalid query string. Contain should be an array.");
}

/* --- filter --- */

/* A list of users that is being read. */
struct user_list {
    const char *filter;
    struct uuid *ids;
    size_t count;
};

static enum err add_user(struct op *op, const char *key, const char *text, struct user_list *list)
{
    if (!text || !*text || strcmp(text, "0") == 0) /* what PHP calls empty */
        return op_fail(op, ERR_INVALID, "filter", "Invalid filter. \"%s\" is not a valid user filter.", key);
    if (passbolt_uuid_parse(text, strlen(text), &list->ids[list->count++])) return ERR_OK;
    return op_fail(op, ERR_INVALID, "filter", "Invalid filter. \"%s\" is not a valid user id for filter %s.", text, list->filter);
}

static enum err read_user_text(struct op *op, const char *text, struct user_list *list)
{
    size_t count = 1;
    for (const char *at = text; *at; at++) count += *at == ',';
    list->ids = arena_array(&op->arena, count, sizeof *list->ids);
    enum err e = ERR_OK;
    for (size_t i = 0; text && !e; i++) {
        const char *part = take_part(&op->arena, &text);
        e = add_user(op, arena_printf(&op->arena, "%zu", i), part, list);
    }
    return e;
}

static enum err read_user_array(struct op *op, const struct passbolt_value *array, struct user_list *list)
{
    size_t count = 0;
    for (const struct passbolt_value *value = array->first; value; value = value->next) count++;
    list->ids = arena_array(&op->arena, count, sizeof *list->ids);
    enum err e = ERR_OK;
    for (const struct passbolt_value *value = array->first; value && !e; value = value->next)
        e = add_user(op, value->key, value->is_index ? value->text : NULL, list);
    return e;
}

/* Appends `list` to what was asked for before: filter[has-manager] and filter[has-managers] may both be there. */
static void append_users(struct arena *arena, const struct user_list *list, struct uuid **users, size_t *count)
{
    struct uuid *both = arena_array(arena, *count + list->count, sizeof *both);
    if (*count) memcpy(both, *users, *count * sizeof *both);
    if (list->count) memcpy(both + *count, list->ids, list->count * sizeof *both);
    *users = both;
    *count += list->count;
}

static enum err read_users(const struct reader *reader, const struct passbolt_value *filter)
{
    struct passbolt_group_options *options = reader->options;
    bool managers = strcmp(filter->key, "has-managers") == 0 || strcmp(filter->key, "has-manager") == 0;
    if (!managers && strcmp(filter->key, "has-users") != 0) return ERR_OK;
    struct user_list list = { .filter = filter->key };
    enum err e = filter->text ? read_user_text(reader->op, filter->text, &list) : read_user_array(reader->op, filter, &list);
    if (e) return e;
    if (managers) append_users(&reader->op->arena, &list, &options->has_managers, &options->has_manager_count);
    else append_users(&reader->op->arena, &list, &options->has_users, &options->has_user_count);
    return ERR_OK;
}

static enum err refuse_filter_key(struct op *op, const char *key)
{
    return op_fail(op, ERR_INVALID, "filter", "Invalid filter. No validation rule for filter %s. Please create one.", key);
}

/* filter=[] is an empty array in profile 5. */
static bool is_empty_filter(const struct reader *reader, const char *text)
{
    return reader->profile == PASSBOLT_5 && strcmp(text, "[]") == 0;
}

static enum err read_filter(const struct reader *reader, const struct passbolt_value *filter)
{
    enum err e = ERR_OK;
    if (filter->text) return is_split(filter->text) ? refuse_filter_key(reader->op, "0") : ERR_OK;
    for (const struct passbolt_value *value = filter->first; value && !e; value = value->next)
        e = value->is_index ? refuse_filter_key(reader->op, value->key) : read_users(reader, value);
    return e;
}

static enum err check_filter_kind(const struct reader *reader, const struct passbolt_value *query)
{
    const struct passbolt_value *filter = passbolt_query_find(query, "filter");
    if (reader->place != PASSBOLT_LIST || !filter || !filter->text) return ERR_OK;
    if (is_split(filter->text) || is_empty_filter(reader, filter->text)) return ERR_OK;
    return op_fail(reader->op, ERR_INVALID, "filter", "Invalid query string. %s should be an array.",
                   reader->profile == PASSBOLT_5 ? "The filter parameter" : "Filter");
}

/* --- order --- */

static const char name_column[] = "Group.name";

/* ^[a-zA-Z]+\.[a-z_]+( (ASC|DESC))?$ */
static bool is_order(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                      column[] = "abcdefghijklmnopqrstuvwxyz_";
    size_t table_size = strspn(text, letters);
    if (table_size == 0 || text[table_size] != '.') return false;
    text += table_size + 1;
    size_t column_size = strspn(text, column);
    text += column_size;
    return column_size > 0 && (!*text || strcmp(text, " ASC") == 0 || strcmp(text, " DESC") == 0);
}

static enum err read_one_order(const struct reader *reader, const char *text)
{
    size_t column_size = strcspn(text, " ");
    if (!is_order(text)) return op_fail(reader->op, ERR_INVALID, "order", "Invalid order. \"%s\" is not a valid order.", text);
    if (column_size != sizeof name_column - 1 || memcmp(text, name_column, column_size) != 0)
        return op_fail(reader->op, ERR_INVALID, "order", "Invalid order. \"%s\" is not in the list of allowed order.", text);
    bool descending = strcmp(text + column_size, " DESC") == 0;
    reader->options->order = descending ? PASSBOLT_ORDER_NAME_DESCENDING : PASSBOLT_ORDER_NAME;
    return ERR_OK;
}

static enum err read_order(const struct reader *reader, const struct passbolt_value *order)
{
    enum err e = ERR_OK;
    const char *text = order->text;
    if (text && !is_split(text)) return read_one_order(reader, text);
    while (text && !e) e = read_one_order(reader, take_part(&reader->op->arena, &text));
    for (const struct passbolt_value *value = order->first; value && !e; value = value->next) {
        if (!value->is_index && strcmp(value->key, name_column) != 0) continue;
        e = read_one_order(reader, value->text ? value->text : "Array"); /* PHP's text of an array */
    }
    return e;
}

/* --- all of it --- */

static enum err read_known(const struct reader *reader, const struct passbolt_value *value)
{
    if (strcmp(value->key, "contain") == 0) return read_contain(reader, value);
    if (reader->place != PASSBOLT_LIST) return ERR_OK;
    if (strcmp(value->key, "filter") == 0) return read_filter(reader, value);
    if (strcmp(value->key, "order") == 0 && reader->profile == PASSBOLT_2) return read_order(reader, value);
    return ERR_OK;
}

enum err passbolt_read_group_options(struct op *op, enum passbolt_profile profile, enum passbolt_place place,
                                     const struct passbolt_value *query, struct passbolt_group_options *ret_options)
{
    struct reader reader = { op, profile, place, group_contains, ret_options };
    *ret_options = (struct passbolt_group_options){ .contain = always_contained(profile, place) };
    if (place == PASSBOLT_CREATE && profile == PASSBOLT_2) return ERR_OK; /* it does not look at its query */
    enum err e = check_filter_kind(&reader, query);
    if (!e) e = check_contain_kind(&reader, query);
    for (const struct passbolt_value *value = query->first; value && !e; value = value->next) e = read_known(&reader, value);
    return e;
}

enum err passbolt_read_contain(struct op *op, enum passbolt_profile profile, enum passbolt_place place,
                               const struct passbolt_contain_row *rows, const struct passbolt_value *query, unsigned *ret_bits)
{
    struct passbolt_group_options options = { 0 };
    struct reader reader = { op, profile, place, rows, &options };
    const struct passbolt_value *contain = passbolt_query_find(query, "contain");
    enum err e = check_contain_kind(&reader, query);
    if (!e && contain) e = read_contain(&reader, contain);
    *ret_bits = options.contain;
    return e;
}

enum err passbolt_check_api_version(struct op *op, const struct passbolt_value *query)
{
    const struct passbolt_value *version = passbolt_query_find(query, "api-version");
    if (!version || !version->text || (strcmp(version->text, "v1") != 0 && strcmp(version->text, "1") != 0)) return ERR_OK;
    return op_fail(op, ERR_INVALID, "api-version", "API v1 support is deprecated in this version.");
}
