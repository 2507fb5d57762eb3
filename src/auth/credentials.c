#include "auth/credentials.h"

#include "auth/base64url.h"
#include "base/lookup.h"
#include "base/memory.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>

struct entry {
    struct digest hash;
    int64_t id, organization_id, user_id;
    int64_t expires_at;
    unsigned rights; /* enum right, permitted operations included */
    int kind;
    bool revoked, dropped;
    char *name;                /* NULL: none */
    _Atomic int64_t last_used; /* 0: not since the last take */
};

struct credentials {
    pthread_rwlock_t lock;
    struct entry **entries; /* singly allocated: they do not move while a reader notes the time of use */
    uint32_t count, capacity;
    struct lookup by_hash, by_id;
};

struct credentials *credentials_new(void)
{
    struct credentials *credentials = memory_zalloc(sizeof *credentials);
    pthread_rwlock_init(&credentials->lock, NULL);
    return credentials;
}

void credentials_free(struct credentials *credentials)
{
    if (!credentials) return;
    for (uint32_t i = 0; i < credentials->count; i++) {
        free(credentials->entries[i]->name);
        free(credentials->entries[i]);
    }
    free(credentials->entries);
    lookup_free(&credentials->by_hash);
    lookup_free(&credentials->by_id);
    pthread_rwlock_destroy(&credentials->lock);
    free(credentials);
}

static uint64_t hash_of_digest(const struct digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof hash); /* SHA-256 is mixed well enough already */
    return hash;
}
static uint64_t hash_of_entry(const void *context, uint32_t ordinal)
{
    return hash_of_digest(&((const struct credentials *)context)->entries[ordinal]->hash);
}
static uint64_t hash_of_id(const void *context, uint32_t ordinal)
{
    const int64_t id = ((const struct credentials *)context)->entries[ordinal]->id;
    return lookup_hash_bytes(&id, sizeof id);
}
static bool same_digest(const void *context, uint32_t ordinal, const void *key)
{
    const struct entry *entry = ((const struct credentials *)context)->entries[ordinal];
    return !entry->dropped && digest_equal(&entry->hash, key);
}
static bool same_id(const void *context, uint32_t ordinal, const void *key)
{
    return ((const struct credentials *)context)->entries[ordinal]->id == *(const int64_t *)key;
}

static uint32_t add_entry(struct credentials *credentials, int64_t id)
{
    if (credentials->count == credentials->capacity) {
        credentials->capacity = memory_next_capacity(credentials->capacity, credentials->count + 1);
        credentials->entries = memory_resize(credentials->entries, credentials->capacity, sizeof *credentials->entries);
    }
    struct entry *entry = credentials->entries[credentials->count] = memory_zalloc(sizeof *entry);
    entry->id = id;
    lookup_add(&credentials->by_id, lookup_hash_bytes(&id, sizeof id), credentials->count, hash_of_id, credentials);
    return credentials->count++;
}

static void put_locked(struct credentials *credentials, const struct credential *credential)
{
    uint32_t at = lookup_find(&credentials->by_id, lookup_hash_bytes(&credential->id, sizeof credential->id), same_id,
                              credentials, &credential->id);
    if (at == LOOKUP_NONE) at = add_entry(credentials, credential->id);
    else if (!credentials->entries[at]->dropped) lookup_remove(&credentials->by_hash, hash_of_entry(credentials, at), at);
    struct entry *entry = credentials->entries[at];
    entry->hash = credential->secret_hash;
    entry->organization_id = credential->organization_id;
    entry->user_id = credential->user_id;
    entry->expires_at = credential->expires_at;
    entry->rights = credential_rights(credential);
    entry->kind = credential->kind;
    entry->revoked = credential->revoked_at != 0;
    entry->dropped = false;
    free(entry->name);
    entry->name = memory_strdup(credential->name);
    lookup_add(&credentials->by_hash, hash_of_entry(credentials, at), at, hash_of_entry, credentials);
}

void credentials_put(struct credentials *credentials, const struct credential *credential)
{
    pthread_rwlock_wrlock(&credentials->lock);
    put_locked(credentials, credential);
    pthread_rwlock_unlock(&credentials->lock);
}

/* An entry stays, a reader may be noting its time of use; it is no longer found. */
static void drop_locked(struct credentials *credentials, bool all, int64_t organization_id)
{
    for (uint32_t i = 0; i < credentials->count; i++) {
        struct entry *entry = credentials->entries[i];
        if ((!all && entry->organization_id != organization_id) || entry->dropped) continue;
        lookup_remove(&credentials->by_hash, hash_of_entry(credentials, i), i);
        entry->dropped = true;
    }
}

void credentials_drop_organization(struct credentials *credentials, int64_t organization_id)
{
    pthread_rwlock_wrlock(&credentials->lock);
    drop_locked(credentials, false, organization_id);
    pthread_rwlock_unlock(&credentials->lock);
}

static void replace(struct credentials *credentials, bool all, int64_t organization_id, const struct credential *list,
                    size_t count)
{
    pthread_rwlock_wrlock(&credentials->lock);
    drop_locked(credentials, all, organization_id);
    for (size_t i = 0; i < count; i++) put_locked(credentials, &list[i]);
    pthread_rwlock_unlock(&credentials->lock);
}

void credentials_replace_organization(struct credentials *credentials, int64_t organization_id, const struct credential *list,
                                      size_t count)
{
    replace(credentials, false, organization_id, list, count);
}

void credentials_replace_all(struct credentials *credentials, const struct credential *list, size_t count)
{
    replace(credentials, true, 0, list, count);
}

const char *credentials_name(struct credentials *credentials, struct arena *arena, int64_t id)
{
    pthread_rwlock_rdlock(&credentials->lock);
    uint32_t at = lookup_find(&credentials->by_id, lookup_hash_bytes(&id, sizeof id), same_id, credentials, &id);
    const char *name = at == LOOKUP_NONE ? NULL : arena_strdup(arena, credentials->entries[at]->name);
    pthread_rwlock_unlock(&credentials->lock);
    return name;
}

size_t credentials_count(struct credentials *credentials)
{
    pthread_rwlock_rdlock(&credentials->lock);
    size_t count = credentials->count;
    pthread_rwlock_unlock(&credentials->lock);
    return count;
}

/* --- authenticating --- */

struct presented {
    int kind;
    struct digest hash;
};

static const struct {
    enum credential_form form;
    const char *scheme; /* with the space; "" for the raw form, which must be last */
    int kind;
} forms_table[] = {
    { FORM_BEARER, "Bearer ", CREDENTIAL_BEARER },
    { FORM_BASIC, "Basic ", CREDENTIAL_API_KEY },
    { FORM_PERSONAL_KEY, "PersonalKey ", CREDENTIAL_PERSONAL_KEY },
    { FORM_RAW, "", CREDENTIAL_KEY },
};

enum { SECRET_MAX = 1024 }; /* bytes of the header's value; keyId and secret are 255 characters at most */

static bool hash_basic(const char *encoded, size_t size, struct digest *ret_hash)
{
    unsigned char decoded[SECRET_MAX];
    if (size == 0 || size % 4 != 0) return false;
    int length = EVP_DecodeBlock(decoded, (const unsigned char *)encoded, (int)size);
    if (length < 0) return false;
    for (size_t i = size; i > 0 && encoded[i - 1] == '='; i--) length--; /* EVP counts the padding as zero bytes */
    if (length <= 0 || !memchr(decoded, ':', (size_t)length)) return false;
    *ret_hash = digest_of(decoded, (size_t)length);
    return true;
}

static bool read_presented(const char *authorization, unsigned forms, struct presented *ret_presented)
{
    size_t size = strnlen(authorization, SECRET_MAX + 1);
    if (size > SECRET_MAX) return false;
    while (size && (authorization[size - 1] == ' ' || authorization[size - 1] == '\t'))
        size--; /* RFC 9110 section 5.5: not part of it */
    for (size_t i = 0; i < sizeof forms_table / sizeof *forms_table; i++) {
        size_t scheme = strlen(forms_table[i].scheme);
        if (!(forms & forms_table[i].form) || size <= scheme || strncasecmp(authorization, forms_table[i].scheme, scheme) != 0)
            continue;
        const char *secret = authorization + scheme;
        while (*secret == ' ' && secret < authorization + size) secret++;
        size_t secret_size = size - (size_t)(secret - authorization);
        if (!secret_size) return false;
        ret_presented->kind = forms_table[i].kind;
        if (forms_table[i].form == FORM_BASIC) return hash_basic(secret, secret_size, &ret_presented->hash);
        ret_presented->hash = digest_of(secret, secret_size);
        return true;
    }
    return false;
}

enum err credentials_authenticate(struct op *op, struct credentials *credentials, const char *authorization, unsigned forms)
{
    struct presented presented;
    if (!authorization) return op_fail(op, ERR_UNAUTHENTICATED, "", "the Authorization header is missing");
    bool known = false;
    if (read_presented(authorization, forms, &presented)) {
        pthread_rwlock_rdlock(&credentials->lock);
        uint32_t at =
            lookup_find(&credentials->by_hash, hash_of_digest(&presented.hash), same_digest, credentials, &presented.hash);
        struct entry *entry = at == LOOKUP_NONE ? NULL : credentials->entries[at];
        known = entry && !entry->revoked && !entry->dropped && entry->kind == presented.kind &&
                (!entry->expires_at || op->now < entry->expires_at);
        if (known) {
            op->caller = (struct caller){ .organization_id = entry->organization_id,
                                          .credential_id = entry->id,
                                          .user_id = entry->user_id,
                                          .rights = entry->rights };
            /* A second's precision is enough, and keeps busy threads from fighting for the line. */
            if (op->now - atomic_load_explicit(&entry->last_used, memory_order_relaxed) > 1000000)
                atomic_store_explicit(&entry->last_used, op->now, memory_order_relaxed);
        }
        pthread_rwlock_unlock(&credentials->lock);
    }
    return known ? ERR_OK : op_fail(op, ERR_UNAUTHENTICATED, "", "the credential is not known, has expired or was revoked");
}

size_t credentials_take_last_used(struct credentials *credentials, struct arena *arena, struct last_used **ret_items)
{
    pthread_rwlock_rdlock(&credentials->lock);
    struct last_used *items = arena_array(arena, credentials->count, sizeof *items);
    size_t count = 0;
    for (uint32_t i = 0; i < credentials->count; i++) {
        int64_t time = atomic_exchange_explicit(&credentials->entries[i]->last_used, 0, memory_order_relaxed);
        if (time) items[count++] = (struct last_used){ credentials->entries[i]->id, time };
    }
    pthread_rwlock_unlock(&credentials->lock);
    *ret_items = items;
    return count;
}

void credentials_give_back_last_used(struct credentials *credentials, const struct last_used *items, size_t count)
{
    pthread_rwlock_rdlock(&credentials->lock);
    for (size_t i = 0; i < count; i++) {
        int64_t id = items[i].credential_id, none = 0;
        uint32_t at = lookup_find(&credentials->by_id, lookup_hash_bytes(&id, sizeof id), same_id, credentials, &id);
        if (at != LOOKUP_NONE) atomic_compare_exchange_strong(&credentials->entries[at]->last_used, &none, items[i].time);
    }
    pthread_rwlock_unlock(&credentials->lock);
}

/* --- making --- */

static const char *random_text(struct arena *arena)
{
    unsigned char bytes[32];
    random_bytes(bytes, sizeof bytes);
    char *text = arena_alloc(arena, base64url_encoded_max(sizeof bytes));
    base64url_encode(text, bytes, sizeof bytes);
    return text;
}

void credential_make_secret(struct arena *arena, struct credential *credential)
{
    char text[UUID_TEXT_SIZE];
    struct uuid uuid = uuid_random();
    uuid_format(text, &uuid);
    if (credential->kind == CREDENTIAL_BEARER) {
        credential->secret = arena_strdup(arena, text);
    } else {
        credential->secret = random_text(arena);
        if (credential->kind == CREDENTIAL_API_KEY && !credential->key_id) credential->key_id = arena_strdup(arena, text);
    }
    credential->secret_hash = credential_hash(arena, credential);
}

unsigned credential_rights(const struct credential *credential)
{
    unsigned permits = credential->permits << RIGHT_PERMITS_SHIFT;
    return credential->rights | (permits ? permits & RIGHT_ALL_PERMITS : RIGHT_ALL_PERMITS);
}

struct digest credential_hash(struct arena *arena, const struct credential *credential)
{
    const char *text = credential->secret;
    if (credential->kind == CREDENTIAL_API_KEY)
        text = arena_printf(arena, "%s:%s", credential->key_id ? credential->key_id : "", credential->secret);
    return digest_of(text, strlen(text));
}
