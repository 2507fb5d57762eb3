/* credentials.h — every credential of every organization, found by the hash of its secret.
 *
 * A credential is looked for before its organization is known, so this index is always resident. It follows the change log: a
 * revoked token stops working as soon as the change is seen. Thread-safe: readers share a lock.
 *
 * Why plain SHA-256 and not a password hash: secrets are made here with at least 122 random bits, there is nothing to guess.
 * Looking up by hash takes the same time for any secret that is not known: an attacker cannot choose hashes bit by bit. */
#ifndef ROSTER_AUTH_CREDENTIALS_H
#define ROSTER_AUTH_CREDENTIALS_H

#include "model/nouns.h"
#include "model/op.h"
#include "store/store.h"

struct credentials;

struct credentials *credentials_new(void);
void credentials_free(struct credentials *credentials); /* accepts NULL */

/* Adds one or replaces the one with the same number. Of its texts only the name is kept. */
void credentials_put(struct credentials *credentials, const struct credential *credential);

/* Drops all of an organization. */
void credentials_drop_organization(struct credentials *credentials, int64_t organization_id);

/* Puts these in the place of all that the organization had; nobody sees a moment without them. */
void credentials_replace_organization(struct credentials *credentials, int64_t organization_id, const struct credential *list,
                                      size_t count);

/* The same for all organizations at once. */
void credentials_replace_all(struct credentials *credentials, const struct credential *list, size_t count);

/* The name of a credential in the arena; NULL if it has none or is not known. */
const char *credentials_name(struct credentials *credentials, struct arena *arena, int64_t id);

/* Number of credentials known. */
size_t credentials_count(struct credentials *credentials);

/* How a secret may be written in an Authorization header; a dialect accepts one or several. */
enum credential_form {
    FORM_BEARER = 1 << 0,       /* `Bearer SECRET`: CREDENTIAL_BEARER */
    FORM_BASIC = 1 << 1,        /* `Basic base64(KEY-ID:SECRET)`: CREDENTIAL_API_KEY */
    FORM_RAW = 1 << 2,          /* `SECRET`: CREDENTIAL_KEY */
    FORM_PERSONAL_KEY = 1 << 3, /* `PersonalKey SECRET`: CREDENTIAL_PERSONAL_KEY */
    FORM_JWT = 1 << 4,          /* `Bearer TOKEN` of an identity provider (jwt.h): for directory_authenticate */
};

/* Fills op->caller from an Authorization header's value (NULL: none sent). ERR_UNAUTHENTICATED if it is missing, malformed,
 * unknown, of another kind than the form, expired at op->now or revoked: the text does not tell which. Whether a user behind it
 * is active is for the directory to say. Remembers the time of use. */
MUST_USE enum err credentials_authenticate(struct op *op, struct credentials *credentials, const char *authorization,
                                           unsigned forms);

/* The uses since the last call, in the arena. */
size_t credentials_take_last_used(struct credentials *credentials, struct arena *arena, struct last_used **ret_items);

/* What was taken and could not be saved is taken again, unless there was a later use. */
void credentials_give_back_last_used(struct credentials *credentials, const struct last_used *items, size_t count);

/* Makes a new secret for a kind: a UUID for bearer, else 43 characters of base64url (256 bits); for api-key also a key id. In the
 * arena; credential->secret, key_id (if it has none) and secret_hash are set. */
void credential_make_secret(struct arena *arena, struct credential *credential);

/* What it may do, as enum right: its rights, and the operations it is permitted (all, if none are named). */
unsigned credential_rights(const struct credential *credential);

/* The hash to store for a secret: of "keyId:secret" for api-key, else of the secret. */
struct digest credential_hash(struct arena *arena, const struct credential *credential);

#endif
