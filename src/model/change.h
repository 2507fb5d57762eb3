/* change.h — what a committed write did, as a list of typed changes.
 *
 * A rule makes changes; the store commits them with their log entries; the image applies them; other nodes read
 * them back from the log and apply them too. One commit is one version of one organization.
 *
 * To add a kind: a row here, its SQL in store/apply.c, its effect in directory/image_apply.c (both switches have no
 * default, the compiler points at them), a line in docs/changes.md. */
#ifndef ROSTER_MODEL_CHANGE_H
#define ROSTER_MODEL_CHANGE_H

#include "model/fields.h"
#include "model/nouns.h"
#include "model/op.h"

/* name, word in the log, noun, which of before/after it carries.
 * Rows must keep their order: the number is not stored, the word is. */
#define CHANGE_LIST(X)                                                                                                           \
    X(ORGANIZATION_CREATED, "organization_created", NOUN_ORGANIZATION, CHANGE_CREATES)                                           \
    X(ORGANIZATION_UPDATED, "organization_updated", NOUN_ORGANIZATION, CHANGE_UPDATES)                                           \
    X(ORGANIZATION_DELETED, "organization_deleted", NOUN_ORGANIZATION, CHANGE_DELETES)                                           \
    X(ORGANIZATION_IMPORTED, "organization_imported", NOUN_ORGANIZATION, CHANGE_MARKS)                                           \
    X(ACCOUNT_CREATED, "account_created", NOUN_ACCOUNT, CHANGE_CREATES)                                                          \
    X(ACCOUNT_UPDATED, "account_updated", NOUN_ACCOUNT, CHANGE_UPDATES)                                                          \
    X(ACCOUNT_DELETED, "account_deleted", NOUN_ACCOUNT, CHANGE_DELETES)                                                          \
    X(USER_CREATED, "user_created", NOUN_USER, CHANGE_CREATES)                                                                   \
    X(USER_UPDATED, "user_updated", NOUN_USER, CHANGE_UPDATES)                                                                   \
    X(USER_DELETED, "user_deleted", NOUN_USER, CHANGE_DELETES)                                                                   \
    X(GROUP_CREATED, "group_created", NOUN_GROUP, CHANGE_CREATES)                                                                \
    X(GROUP_RENAMED, "group_renamed", NOUN_GROUP, CHANGE_UPDATES)                                                                \
    X(GROUP_UPDATED, "group_updated", NOUN_GROUP, CHANGE_UPDATES)                                                                \
    X(GROUP_DELETED, "group_deleted", NOUN_GROUP, CHANGE_DELETES)                                                                \
    X(GROUP_RESTORED, "group_restored", NOUN_GROUP, CHANGE_UPDATES)                                                              \
    X(MEMBER_ADDED, "member_added", NOUN_MEMBERSHIP, CHANGE_CREATES)                                                             \
    X(MEMBER_CHANGED, "member_changed", NOUN_MEMBERSHIP, CHANGE_UPDATES)                                                         \
    X(MEMBER_REMOVED, "member_removed", NOUN_MEMBERSHIP, CHANGE_DELETES)                                                         \
    X(MEMBER_EXPIRED, "member_expired", NOUN_MEMBERSHIP, CHANGE_DELETES)                                                         \
    X(NESTING_ADDED, "nesting_added", NOUN_NESTING, CHANGE_CREATES)                                                              \
    X(NESTING_REMOVED, "nesting_removed", NOUN_NESTING, CHANGE_DELETES)                                                          \
    X(CREDENTIAL_CREATED, "credential_created", NOUN_CREDENTIAL, CHANGE_CREATES)                                                 \
    X(CREDENTIAL_UPDATED, "credential_updated", NOUN_CREDENTIAL, CHANGE_UPDATES)                                                 \
    X(CREDENTIAL_REVOKED, "credential_revoked", NOUN_CREDENTIAL, CHANGE_UPDATES)

enum change_kind {
#define X(name, word, noun, shape) name,
    CHANGE_LIST(X)
#undef X
        CHANGE_KIND_COUNT
};

/* CREATES: after is whole. UPDATES: before and after are whole in memory, the log keeps the rows in `changed`.
 * DELETES: before is whole. MARKS: after names the object only. */
enum change_shape { CHANGE_CREATES, CHANGE_UPDATES, CHANGE_DELETES, CHANGE_MARKS };

struct change {
    enum change_kind kind;
    union object before, after; /* NULL where the shape has none; owned by whoever made the list (an arena) */
    field_set changed;          /* UPDATES: rows that differ */
};

/* A list that grows in an arena. */
struct change_list {
    struct change *items;
    size_t count, capacity;
};

const char *change_word(enum change_kind kind);                 /* static */
bool change_find(const char *word, enum change_kind *ret_kind); /* false if unknown */
enum noun change_noun(enum change_kind kind);
enum change_shape change_shape(enum change_kind kind);

/* Appends one. For an UPDATES kind `changed` is computed from the two objects; nothing is appended (and false
 * returned) when they do not differ, so that what changes nothing commits nothing. Objects are borrowed, not copied. */
bool change_add(struct arena *arena, struct change_list *list, enum change_kind kind, union object before, union object after);

/* The numbers a change is about, for the log's columns: group_id and user_id where the noun has them, else 0.
 * For an account, organization or credential, ret_object_id is its id; for the others 0. */
void change_subjects(const struct change *change, int64_t *ret_group_id, int64_t *ret_user_id, int64_t *ret_object_id);

/* The detail column: {"after":{...}}, {"before":{...},"after":{...}} or {"before":{...}}. Updates carry the identity rows
 * (FIELD_FIXED) in `before` so that the line can be read alone. */
void change_write_detail(struct buf *out, const struct change *change);

/* Reads it back. For UPDATES `after` holds only identity and changed rows (*changed tells which); the image overlays
 * them on what it has. ERR_STORAGE if it does not parse. Objects are made in the op's arena. */
MUST_USE enum err change_read_detail(struct op *op, enum change_kind kind, const char *detail, struct change *ret_change);

#endif
