/* change.c — changes as a list, and their detail in the log.
 *
 * What the log keeps: of a created or deleted object the members that are not default; of an updated one the members
 * that differ, before and after, and in `before` also those that identify it. */
#include "model/change.h"

#include "model/field_access.h"

#include <string.h>

static const struct {
    const char *word;
    enum noun noun;
    enum change_shape shape;
} kinds[CHANGE_KIND_COUNT] = {
#define X(name, word, noun, shape) [name] = { word, noun, shape },
    CHANGE_LIST(X)
#undef X
};

const char *change_word(enum change_kind kind)
{
    return kinds[kind].word;
}

bool change_find(const char *word, enum change_kind *ret_kind)
{
    for (size_t i = 0; i < CHANGE_KIND_COUNT; i++) {
        if (strcmp(kinds[i].word, word) != 0) continue;
        *ret_kind = (enum change_kind)i;
        return true;
    }
    return false;
}

enum noun change_noun(enum change_kind kind)
{
    return kinds[kind].noun;
}

enum change_shape change_shape(enum change_kind kind)
{
    return kinds[kind].shape;
}

bool change_add(struct arena *arena, struct change_list *list, enum change_kind kind, union object before, union object after)
{
    struct change change = { .kind = kind, .before = before, .after = after };
    if (kinds[kind].shape == CHANGE_UPDATES) {
        /* a secret is never stored, so it alone changes nothing */
        change.changed = fields_differ(kinds[kind].noun, before, after) & fields_all(kinds[kind].noun);
        if (!change.changed) return false;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        struct change *items = arena_array(arena, capacity, sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = change;
    return true;
}

void change_subjects(const struct change *change, int64_t *ret_group_id, int64_t *ret_user_id, int64_t *ret_object_id)
{
    union object object = change->after.any ? change->after : change->before;
    *ret_group_id = *ret_user_id = *ret_object_id = 0;
    if (!object.any) return;
    switch (kinds[change->kind].noun) {
    case NOUN_ORGANIZATION:
        *ret_object_id = object.organization->id;
        return;
    case NOUN_ACCOUNT:
        *ret_object_id = object.account->id;
        return;
    case NOUN_USER:
        *ret_user_id = object.user->id;
        return;
    case NOUN_GROUP:
        *ret_group_id = object.group->id;
        return;
    case NOUN_MEMBERSHIP:
        *ret_group_id = object.membership->group_id;
        *ret_user_id = object.membership->user_id;
        return;
    case NOUN_NESTING:
        *ret_group_id = object.nesting->group_id;
        return;
    case NOUN_CREDENTIAL:
        *ret_user_id = object.credential->user_id;
        *ret_object_id = object.credential->id;
        return;
    case NOUN_COUNT:
        return;
    }
}

/* The rows that are not default. */
static field_set rows_set(enum noun noun, union object object)
{
    const struct field *fields = noun_fields(noun);
    field_set set = 0;
    for (size_t i = 0; fields[i].name; i++)
        if (!field_is_default(&fields[i], object.any)) set |= (field_set)1 << i;
    return set;
}

void change_write_detail(struct buf *out, const struct change *change)
{
    enum noun noun = kinds[change->kind].noun;
    enum change_shape shape = kinds[change->kind].shape;
    field_set before = 0, after = 0;
    switch (shape) {
    case CHANGE_CREATES:
        after = rows_set(noun, change->after);
        break;
    case CHANGE_DELETES:
        before = rows_set(noun, change->before);
        break;
    case CHANGE_UPDATES:
        before = change->changed | (fields_with(noun, FIELD_FIXED) & rows_set(noun, change->before));
        after = change->changed;
        break;
    case CHANGE_MARKS:
        break;
    }
    buf_add_char(out, '{');
    if (before) {
        buf_add_literal(out, "\"before\":");
        fields_write_set(out, noun, before, change->before);
    }
    if (after) {
        if (before) buf_add_char(out, ',');
        buf_add_literal(out, "\"after\":");
        fields_write_set(out, noun, after, change->after);
    }
    if (shape == CHANGE_MARKS && change->after.any) {
        buf_add_literal(out, "\"after\":{\"id\":");
        buf_add_number(out, change->after.organization->id);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

static union object new_object(struct op *op, enum noun noun)
{
    union object object = { .any = arena_alloc(&op->arena, noun_size(noun)) };
    fields_set_defaults(noun, object);
    return object;
}

/* Which halves the shape demands. */
static bool has_shape(enum change_shape shape, bool before, bool after)
{
    switch (shape) {
    case CHANGE_CREATES:
        return !before && after;
    case CHANGE_UPDATES:
        return before && after;
    case CHANGE_DELETES:
        return before && !after;
    case CHANGE_MARKS:
        return !before;
    }
    return false;
}

enum err change_read_detail(struct op *op, enum change_kind kind, const char *detail, struct change *ret_change)
{
    enum noun noun = kinds[kind].noun;
    struct change change = { .kind = kind };
    struct failure failure = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&failure, detail, strlen(detail), &json))
        return op_fail(op, ERR_STORAGE, "", "the change log is damaged: %s", failure.text);
    const json_t *before = json_object_get(json, "before"), *after = json_object_get(json, "after");
    if (!json_is_object(json) || json_object_size(json) != (size_t)((before != NULL) + (after != NULL)) ||
        !has_shape(kinds[kind].shape, before != NULL, after != NULL))
        return op_fail(op, ERR_STORAGE, "", "the change log is damaged: the detail of %s has the wrong shape", kinds[kind].word);
    if (before) {
        field_set present;
        change.before = new_object(op, noun);
        enum err e = fields_read_log(op, noun, before, change.before, &present);
        if (e) return e;
    }
    if (after) {
        field_set present;
        change.after = new_object(op, noun);
        if (before) fields_copy(noun, fields_with(noun, FIELD_FIXED), change.before, change.after);
        enum err e = fields_read_log(op, noun, after, change.after, &present);
        if (e) return e;
        if (kinds[kind].shape == CHANGE_UPDATES) change.changed = present;
    }
    *ret_change = change;
    return ERR_OK;
}
