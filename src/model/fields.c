/* fields.c — the members of the nouns, and what can be done with an object knowing only its table.
 *
 * Reading and writing are in fields_read.c and fields_write.c.
 *
 * The three FIELD_GRANTS rows of a group share one list in memory (struct group.grants). Whoever compares or copies
 * takes them together: fields_differ reports all three or none, fields_copy copies the whole list for any of them. */
#include "model/fields.h"

#include "model/field_access.h"

#include <string.h>

static const char *const auto_remove_words[] = { "", "WEEK", "MONTH", "YEAR", NULL }; /* enum auto_remove; "" is none */
static const char *const credential_words[] = { "bearer", "api-key", "key", "personal-key", NULL }; /* enum credential_kind */
static const char *const right_words[] = { "read", "write", NULL }; /* bit i of the rights is word i */
static const char *const permit_words[] = { "list", "get", "create", "update", "delete", NULL };

enum { NAME = NAMES_MAX, PROSE = 10000, EMAIL = 320 }; /* code points */

/* A name that objects are found by, and one that is only shown. */
enum { KEY = FIELD_FILLED | FIELD_ONE_LINE, LINE = FIELD_ONE_LINE };

/* To add a member: a member of the struct in nouns.h, a row here where it shall stand in an exported line, a column in
 * store/. Times, numbers and texts are absent when 0 or NULL. */
// clang-format off
#define AT(member) offsetof(struct organization, member)
static const struct field organization_fields[] = {
    { "id",               FIELD_NUMBER, AT(id),                 0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "uuid",             FIELD_UUID,   AT(uuid),               0,     FIELD_FIXED, NULL, 0 },
    { "name",             FIELD_TEXT,   AT(name),               NAME,  FIELD_REQUIRED | KEY, NULL, 0 },
    { "uniqueGroupNames", FIELD_BOOL,   AT(unique_group_names), 0,     FIELD_DEFAULT_TRUE, NULL, 0 },
    { "dateCreated",      FIELD_TIME,   AT(date_created),       0,     FIELD_LOG_ONLY, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct account, member)
static const struct field account_fields[] = {
    { "id",           FIELD_NUMBER, AT(id),            0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "uuid",         FIELD_UUID,   AT(uuid),          0,     FIELD_FIXED, NULL, 0 },
    { "firstName",    FIELD_TEXT,   AT(first_name),    NAME,  LINE, NULL, 0 },
    { "lastName",     FIELD_TEXT,   AT(last_name),     NAME,  LINE, NULL, 0 },
    { "emailAddress", FIELD_TEXT,   AT(email_address), EMAIL, KEY, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct user, member)
static const struct field user_fields[] = {
    { "organizationId",       FIELD_NUMBER, AT(organization_id),        0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "id",                   FIELD_NUMBER, AT(id),                     0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "uuid",                 FIELD_UUID,   AT(uuid),                   0,     FIELD_FIXED, NULL, 0 },
    { "accountId",            FIELD_NUMBER, AT(account_id),             0,     0, NULL, 0 },
    { "userName",             FIELD_TEXT,   AT(user_name),              NAME,  KEY, NULL, 0 },
    { "displayName",          FIELD_TEXT,   AT(display_name),           NAME,  LINE, NULL, 0 },
    { "firstName",            FIELD_TEXT,   AT(first_name),             NAME,  LINE, NULL, 0 },
    { "lastName",             FIELD_TEXT,   AT(last_name),              NAME,  LINE, NULL, 0 },
    { "emailAddress",         FIELD_TEXT,   AT(email_address),          EMAIL, KEY, NULL, 0 },
    { "emailAddressVerify",   FIELD_BOOL,   AT(email_address_verify),   0,     0, NULL, 0 },
    { "emailAddressVerified", FIELD_BOOL,   AT(email_address_verified), 0,     0, NULL, 0 },
    { "phoneNumber",          FIELD_PHONE,  AT(phone_number),           0,     0, NULL, 0 },
    { "phoneNumberVerify",    FIELD_BOOL,   AT(phone_number_verify),    0,     0, NULL, 0 },
    { "phoneNumberVerified",  FIELD_BOOL,   AT(phone_number_verified),  0,     0, NULL, 0 },
    { "superUser",            FIELD_BOOL,   AT(super_user),             0,     FIELD_ALWAYS, NULL, 0 },
    { "active",               FIELD_BOOL,   AT(active),                 0,     FIELD_DEFAULT_TRUE, NULL, 0 },
    { "description",          FIELD_TEXT,   AT(description),            PROSE, 0, NULL, 0 },
    { "remarks",              FIELD_TEXT,   AT(remarks),                PROSE, 0, NULL, 0 },
    { "externalId",           FIELD_TEXT,   AT(external_id),            NAME,  KEY, NULL, 0 },
    { "autoRemoveAfter",      FIELD_WORD,   AT(auto_remove_after),      0,     0, auto_remove_words, 0 },
    { "autoRemoveDate",       FIELD_TIME,   AT(auto_remove_date),       0,     0, NULL, 0 },
    { "dateCreated",          FIELD_TIME,   AT(date_created),           0,     0, NULL, 0 },
    { "dateModified",         FIELD_TIME,   AT(date_modified),          0,     0, NULL, 0 },
    { "publicKey",            FIELD_TEXT,   AT(public_key),             PUBLIC_KEY_MAX, FIELD_FILLED | FIELD_IN_BYTES, NULL, 0 },
    { "keyFingerprint",       FIELD_TEXT,   AT(key_fingerprint),        NAME,  FIELD_LOG_ONLY, NULL, 0 },
    { "keyUserId",            FIELD_TEXT,   AT(key_user_id),            PROSE, FIELD_LOG_ONLY, NULL, 0 },
    { "keyType",              FIELD_TEXT,   AT(key_type),               NAME,  FIELD_LOG_ONLY, NULL, 0 },
    { "keyBits",              FIELD_NUMBER, AT(key_bits),               0,     FIELD_LOG_ONLY, NULL, 0 },
    { "keyCreated",           FIELD_TIME,   AT(key_created),            0,     FIELD_LOG_ONLY, NULL, 0 },
    { "keyExpires",           FIELD_TIME,   AT(key_expires),            0,     FIELD_LOG_ONLY, NULL, 0 },
    { "deletedAt",            FIELD_TIME,   AT(deleted_at),             0,     FIELD_LOG_ONLY, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct group, member)
static const struct field group_fields[] = {
    { "organizationId", FIELD_NUMBER, AT(organization_id), 0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "id",             FIELD_NUMBER, AT(id),              0,     FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "uuid",           FIELD_UUID,   AT(uuid),            0,     FIELD_FIXED, NULL, 0 },
    { "name",           FIELD_TEXT,   AT(name),            NAME,  FIELD_REQUIRED | KEY, NULL, 0 },
    { "description",    FIELD_TEXT,   AT(description),     PROSE, 0, NULL, 0 },
    { "remarks",        FIELD_TEXT,   AT(remarks),         PROSE, 0, NULL, 0 },
    { "externalId",     FIELD_TEXT,   AT(external_id),     NAME,  KEY, NULL, 0 },
    { "languages",      FIELD_GRANTS, AT(grants),          0,     0, NULL, GRANT_LANGUAGE },
    { "segments",       FIELD_GRANTS, AT(grants),          0,     0, NULL, GRANT_SEGMENT },
    { "businessUnits",  FIELD_GRANTS, AT(grants),          0,     0, NULL, GRANT_BUSINESS_UNIT },
    { "dateCreated",    FIELD_TIME,   AT(date_created),    0,     0, NULL, 0 },
    { "dateModified",   FIELD_TIME,   AT(date_modified),   0,     0, NULL, 0 },
    { "createdBy",      FIELD_TEXT,   AT(created_by),      NAME,  LINE, NULL, 0 },
    { "modifiedBy",     FIELD_TEXT,   AT(modified_by),     NAME,  LINE, NULL, 0 },
    { "createdByUser",  FIELD_NUMBER, AT(created_by_user), 0,     FIELD_LOG_ONLY, NULL, 0 },
    { "modifiedByUser", FIELD_NUMBER, AT(modified_by_user), 0,    FIELD_LOG_ONLY, NULL, 0 },
    { "deletedAt",      FIELD_TIME,   AT(deleted_at),      0,     FIELD_LOG_ONLY, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct membership, member)
static const struct field membership_fields[] = {
    { "organizationId",    FIELD_NUMBER, AT(organization_id),     0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "groupId",           FIELD_NUMBER, AT(group_id),            0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "userId",            FIELD_NUMBER, AT(user_id),             0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "uuid",              FIELD_UUID,   AT(uuid),                0, FIELD_FIXED, NULL, 0 },
    { "manager",           FIELD_BOOL,   AT(manager),             0, 0, NULL, 0 },
    { "startsAt",          FIELD_TIME,   AT(starts_at),           0, 0, NULL, 0 },
    { "endsAt",            FIELD_TIME,   AT(ends_at),             0, 0, NULL, 0 },
    { "dateCreated",       FIELD_TIME,   AT(date_created),        0, 0, NULL, 0 },
    { "addedByCredential", FIELD_NUMBER, AT(added_by_credential), 0, FIELD_LOG_ONLY, NULL, 0 },
    { "addedByUser",       FIELD_NUMBER, AT(added_by_user),       0, FIELD_LOG_ONLY, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct nesting, member)
static const struct field nesting_fields[] = {
    { "organizationId", FIELD_NUMBER, AT(organization_id), 0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "groupId",        FIELD_NUMBER, AT(group_id),        0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "childGroupId",   FIELD_NUMBER, AT(child_group_id),  0, FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { 0 },
};
#undef AT

#define AT(member) offsetof(struct credential, member)
static const struct field credential_fields[] = {
    { "organizationId", FIELD_NUMBER, AT(organization_id), 0,    FIELD_REQUIRED | FIELD_FIXED, NULL, 0 },
    { "id",             FIELD_NUMBER, AT(id),              0,    FIELD_LOG_ONLY | FIELD_FIXED, NULL, 0 },
    { "uuid",           FIELD_UUID,   AT(uuid),            0,    FIELD_FIXED, NULL, 0 },
    { "name",           FIELD_TEXT,   AT(name),            NAME, LINE, NULL, 0 },
    { "userId",         FIELD_NUMBER, AT(user_id),         0,    0, NULL, 0 },
    { "kind",           FIELD_WORD,   AT(kind),            0,    FIELD_REQUIRED | FIELD_ALWAYS, credential_words, 0 },
    { "keyId",          FIELD_TEXT,   AT(key_id),          NAME, KEY, NULL, 0 },
    { "secret",         FIELD_TEXT,   AT(secret),          NAME, FIELD_FILLED | FIELD_INPUT_ONLY, NULL, 0 },
    { "secretHash",     FIELD_DIGEST, AT(secret_hash),     0,    0, NULL, 0 },
    { "rights",         FIELD_RIGHTS, AT(rights),          0,    FIELD_REQUIRED, right_words, 0 },
    { "permits",        FIELD_RIGHTS, AT(permits),         0,    0, permit_words, 0 },
    { "expiresAt",      FIELD_TIME,   AT(expires_at),      0,    0, NULL, 0 },
    { "revokedAt",      FIELD_TIME,   AT(revoked_at),      0,    FIELD_LOG_ONLY, NULL, 0 },
    { "dateCreated",    FIELD_TIME,   AT(date_created),    0,    FIELD_LOG_ONLY, NULL, 0 },
    { 0 },
};
#undef AT

static const struct field *const tables[NOUN_COUNT] = {
    [NOUN_ORGANIZATION] = organization_fields,
    [NOUN_ACCOUNT]      = account_fields,
    [NOUN_USER]         = user_fields,
    [NOUN_GROUP]        = group_fields,
    [NOUN_MEMBERSHIP]   = membership_fields,
    [NOUN_NESTING]      = nesting_fields,
    [NOUN_CREDENTIAL]   = credential_fields,
};
// clang-format on

const struct field *noun_fields(enum noun noun)
{
    return tables[noun];
}

bool field_is_default(const struct field *field, const void *object)
{
    const void *at = field_at(field, object);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        return *(const char *const *)at == NULL;
    case FIELD_NUMBER:
    case FIELD_TIME:
        return *(const int64_t *)at == 0;
    case FIELD_BOOL:
        return *(const bool *)at == ((field->flags & FIELD_DEFAULT_TRUE) != 0);
    case FIELD_UUID:
        return uuid_is_nil(at);
    case FIELD_DIGEST:
        return memcmp(at, &(struct digest){ 0 }, sizeof(struct digest)) == 0;
    case FIELD_WORD:
        return *(const int *)at == 0;
    case FIELD_RIGHTS:
        return *(const unsigned *)at == 0;
    case FIELD_GRANTS:
        break;
    }
    size_t count;
    group_grants(object, field->grant_kind, &count);
    return count == 0;
}

void field_reset(const struct field *field, void *object)
{
    void *at = (char *)object + field->offset;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        *(const char **)at = NULL;
        return;
    case FIELD_NUMBER:
    case FIELD_TIME:
        *(int64_t *)at = 0;
        return;
    case FIELD_BOOL:
        *(bool *)at = (field->flags & FIELD_DEFAULT_TRUE) != 0;
        return;
    case FIELD_UUID:
        *(struct uuid *)at = (struct uuid){ 0 };
        return;
    case FIELD_DIGEST:
        *(struct digest *)at = (struct digest){ 0 };
        return;
    case FIELD_WORD:
        *(int *)at = 0;
        return;
    case FIELD_RIGHTS:
        *(unsigned *)at = 0;
        return;
    case FIELD_GRANTS:
        return; /* needs an arena: see read_grants */
    }
}

void fields_set_defaults(enum noun noun, union object object)
{
    void *bytes = (void *)object.user;
    memset(bytes, 0, noun_size(noun));
    for (const struct field *field = tables[noun]; field->name; field++)
        if (field->flags & FIELD_DEFAULT_TRUE) *(bool *)((char *)bytes + field->offset) = true;
}

static bool grants_equal(const struct group *a, const struct group *b)
{
    if (a->grant_count != b->grant_count) return false;
    for (size_t i = 0; i < a->grant_count; i++) {
        const struct grant *x = &a->grants[i], *y = &b->grants[i];
        if (x->kind != y->kind || x->read_only != y->read_only) return false;
        if (x->kind == GRANT_LANGUAGE ? x->language_id != y->language_id : !uuid_equal(&x->uid, &y->uid)) return false;
    }
    return true;
}

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool field_equal(const struct field *field, const void *a, const void *b)
{
    const void *x = field_at(field, a), *y = field_at(field, b);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        return texts_equal(*(const char *const *)x, *(const char *const *)y);
    case FIELD_NUMBER:
    case FIELD_TIME:
        return *(const int64_t *)x == *(const int64_t *)y;
    case FIELD_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case FIELD_UUID:
        return uuid_equal(x, y);
    case FIELD_DIGEST:
        return memcmp(x, y, sizeof(struct digest)) == 0;
    case FIELD_WORD:
        return *(const int *)x == *(const int *)y;
    case FIELD_RIGHTS:
        return *(const unsigned *)x == *(const unsigned *)y;
    case FIELD_GRANTS:
        return grants_equal(a, b);
    }
    return false;
}

field_set fields_differ(enum noun noun, union object a, union object b)
{
    field_set set = 0;
    for (size_t i = 0; tables[noun][i].name; i++)
        if (!field_equal(&tables[noun][i], a.any, b.any)) set |= (field_set)1 << i;
    return set;
}

static void copy_field(const struct field *field, const void *from, void *to)
{
    const void *x = field_at(field, from);
    void *y = (char *)to + field->offset;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        *(const char **)y = *(const char *const *)x;
        return;
    case FIELD_NUMBER:
    case FIELD_TIME:
        *(int64_t *)y = *(const int64_t *)x;
        return;
    case FIELD_BOOL:
        *(bool *)y = *(const bool *)x;
        return;
    case FIELD_UUID:
        *(struct uuid *)y = *(const struct uuid *)x;
        return;
    case FIELD_DIGEST:
        *(struct digest *)y = *(const struct digest *)x;
        return;
    case FIELD_WORD:
        *(int *)y = *(const int *)x;
        return;
    case FIELD_RIGHTS:
        *(unsigned *)y = *(const unsigned *)x;
        return;
    case FIELD_GRANTS:
        ((struct group *)to)->grants = ((const struct group *)from)->grants;
        ((struct group *)to)->grant_count = ((const struct group *)from)->grant_count;
        return;
    }
}

void fields_copy(enum noun noun, field_set set, union object from, union object to)
{
    for (size_t i = 0; tables[noun][i].name; i++)
        if (set >> i & 1) copy_field(&tables[noun][i], from.any, to.user);
}

field_set fields_with(enum noun noun, enum field_flag flag)
{
    field_set set = 0;
    for (size_t i = 0; tables[noun][i].name; i++)
        if (tables[noun][i].flags & flag) set |= (field_set)1 << i;
    return set;
}

field_set fields_all(enum noun noun)
{
    size_t count = 0;
    while (tables[noun][count].name) count++;
    return (((field_set)1 << count) - 1) & ~fields_with(noun, FIELD_INPUT_ONLY);
}

union object object_copy(struct arena *arena, enum noun noun, union object object)
{
    void *copy = arena_alloc(arena, noun_size(noun));
    memcpy(copy, object.any, noun_size(noun));
    for (const struct field *field = tables[noun]; field->name; field++) {
        if (field->kind != FIELD_TEXT && field->kind != FIELD_PHONE) continue;
        const char **text = (const char **)(void *)((char *)copy + field->offset);
        *text = arena_strdup(arena, *text);
    }
    if (noun == NOUN_GROUP && object.group->grant_count) {
        struct grant *grants = arena_array(arena, object.group->grant_count, sizeof *grants);
        memcpy(grants, object.group->grants, object.group->grant_count * sizeof *grants);
        ((struct group *)copy)->grants = grants;
    }
    return (union object){ .any = copy };
}
