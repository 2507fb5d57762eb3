/* nouns.h — the things the directory knows, as plain structs.
 *
 * Texts are valid UTF-8, zero-terminated, borrowed; NULL is "not set". Times are microseconds UTC, 0 is "not set".
 * Numbers (`id`) are unique in the installation for each kind, never reused, 1..2^53-1. The members and
 * their names on the wire are in fields.c (the format of docs/directory-file.md). */
#ifndef ROSTER_MODEL_NOUNS_H
#define ROSTER_MODEL_NOUNS_H

#include "base/digest.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Organizations and accounts belong to the installation, which is organization 0 with a version and a log of its own. */
enum { INSTALLATION = 0 };

#define NUMBER_MAX INT64_C(9007199254740991) /* 2^53-1: exact in every JSON reader */

enum noun { NOUN_ORGANIZATION, NOUN_ACCOUNT, NOUN_USER, NOUN_GROUP, NOUN_MEMBERSHIP, NOUN_NESTING, NOUN_CREDENTIAL, NOUN_COUNT };

struct organization {
    int64_t id;
    struct uuid uuid;
    const char *name;
    bool unique_group_names;
    int64_t date_created;
    int64_t version; /* of its log; kept by the store, not part of the directory file */
};

/* A person's login, across organizations. */
struct account {
    int64_t id;
    struct uuid uuid;
    const char *first_name, *last_name, *email_address;
};

enum { PUBLIC_KEY_MAX = 65535 }; /* bytes of a user's armored key: what auth/openpgp.h reads and directory/packed.h holds */

enum auto_remove { AUTO_REMOVE_NONE, AUTO_REMOVE_WEEK, AUTO_REMOVE_MONTH, AUTO_REMOVE_YEAR };

struct user {
    int64_t organization_id;
    int64_t id;
    struct uuid uuid;
    int64_t account_id; /* 0: none */
    const char *user_name, *display_name, *first_name, *last_name, *email_address, *phone_number;
    const char *description, *remarks, *external_id;
    bool email_address_verify, email_address_verified, phone_number_verify, phone_number_verified;
    bool super_user;
    bool active;
    int auto_remove_after; /* enum auto_remove */
    int64_t auto_remove_date;
    int64_t date_created, date_modified;
    int64_t deleted_at;     /* 0: lives. A deleted user keeps its number and UUID for ever */
    const char *public_key; /* OpenPGP, armored, as it was given */
    /* What is shown of it, all from the key itself (struct openpgp_key of auth/openpgp.h); set with it and never without it, so
     * that nobody has to read the key again. */
    const char *key_fingerprint; /* 40 upper-case hexadecimal digits */
    const char *key_user_id;     /* the first: "Ada Lindqvist <ada@example.org>" */
    const char *key_type;        /* of the primary key: "RSA", "ECDSA", "EdDSA" */
    int64_t key_bits;
    int64_t key_created, key_expires; /* 0: never */
    int64_t last_login_at;            /* kept beside the log, see image_set_last_login */
};

enum grant_kind { GRANT_LANGUAGE, GRANT_SEGMENT, GRANT_BUSINESS_UNIT };

/* What Struct PIM attaches to a group. */
struct grant {
    int kind;            /* enum grant_kind */
    int32_t language_id; /* GRANT_LANGUAGE */
    struct uuid uid;     /* the others */
    bool read_only;
};

struct group {
    int64_t organization_id;
    int64_t id;
    struct uuid uuid;
    const char *name, *description, *remarks, *external_id;
    const struct grant *grants; /* languages, then segments, then business units; each in the order given */
    size_t grant_count;
    int64_t date_created, date_modified;
    const char *created_by, *modified_by;
    int64_t created_by_user, modified_by_user; /* their numbers, deleted ones too; 0: not known, or not a user */
    int64_t deleted_at;                        /* 0: lives. A deleted group can be restored with its members */
};

struct membership {
    int64_t organization_id;
    int64_t group_id, user_id;
    struct uuid uuid;
    bool manager;
    int64_t starts_at, ends_at; /* in the group from starts_at (inclusive) until ends_at (exclusive) */
    int64_t date_created;
    int64_t added_by_credential, added_by_user; /* 0: the system */
};

struct nesting {
    int64_t organization_id;
    int64_t group_id, child_group_id; /* parent, child */
};

enum credential_kind { CREDENTIAL_BEARER, CREDENTIAL_API_KEY, CREDENTIAL_KEY, CREDENTIAL_PERSONAL_KEY };

struct credential {
    int64_t organization_id;
    int64_t id; /* given by the store; not part of the directory file */
    struct uuid uuid;
    const char *name;
    int64_t user_id;           /* 0: a service key */
    int kind;                  /* enum credential_kind */
    const char *key_id;        /* CREDENTIAL_API_KEY: the user name of Basic */
    const char *secret;        /* directory file input only; never stored, never exported */
    struct digest secret_hash; /* SHA-256 of the secret; for api-key of "keyId:secret" */
    unsigned rights;           /* RIGHT_READ, RIGHT_WRITE of model/op.h */
    unsigned permits;          /* bit i: RIGHT_LIST << i; 0: every operation that the rights allow */
    int64_t expires_at;
    int64_t revoked_at;
    int64_t date_created;
    int64_t last_used_at; /* kept beside the log, see store_save_last_used */
};

/* Any noun, by kind. */
union object {
    const void *any;
    struct organization *organization;
    struct account *account;
    struct user *user;
    struct group *group;
    struct membership *membership;
    struct nesting *nesting;
    struct credential *credential;
};

/* The grants of one kind (enum grant_kind), which lie together; NULL if there are none. */
const struct grant *group_grants(const struct group *group, int kind, size_t *ret_count);

/* Is it in effect at `now` (from starts_at on, until before ends_at); is it over by then? */
bool membership_is_in_effect(const struct membership *membership, int64_t now);
bool membership_has_ended(const struct membership *membership, int64_t now);

/* sizeof the struct of a noun. */
size_t noun_size(enum noun noun);

/* "organization", "user" ...: the `type` of the directory file; static. */
const char *noun_name(enum noun noun);

/* False if `name` is none. */
bool noun_find(const char *name, enum noun *ret_noun);

#endif
