/* key_holders.c — from an OpenPGP key to the user who logs in with it, and when that was.
 *
 * Whoever is found here may act as that user once he proves that the key is his, so nothing is guessed: what fits two users is
 * worth nothing. */
#include "directory/resident.h"

/* All there are, in the arena; nearly always one. */
static enum err find_all(struct op *op, const char *fingerprint, const struct uuid *uuid, struct key_holder **ret_holders,
                         size_t *ret_count)
{
    size_t room = 8;
    for (;;) {
        *ret_holders = arena_array(&op->arena, room, sizeof **ret_holders);
        enum err e = store_find_key_holders(op, op->directory->store, fingerprint, uuid, *ret_holders, room, ret_count);
        if (e || *ret_count <= room) return e;
        room = *ret_count;
    }
}

enum err directory_find_key_holder(struct op *op, const char *fingerprint, const struct uuid *uuid, int64_t organization_id,
                                   struct key_holder *ret_holder)
{
    struct key_holder *holders, *found = NULL;
    size_t count;
    bool several_users = false, several_organizations = false;
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "the holder of a key is looked up in the database");
    enum err e = find_all(op, fingerprint, uuid, &holders, &count);
    if (e) return e;
    for (size_t i = 0; i < count; i++) {
        if (organization_id && holders[i].organization_id != organization_id) continue;
        if (found && found->organization_id != holders[i].organization_id) several_organizations = true;
        else if (found) several_users = true;
        found = &holders[i];
    }
    const char *what = fingerprint ? "key" : "id";
    if (!found)
        return op_fail(op, ERR_NOT_FOUND, "user", "there is no active user with this %s", fingerprint ? "key" : "id and a key");
    if (several_organizations)
        return op_fail(
            op, ERR_INVALID, "user",
            "the %s belongs to users of several organizations; the setting passbolt.organization decides which is meant", what);
    if (several_users)
        return op_fail(op, ERR_INVALID, "user", "the %s belongs to several users of the organization, so it is nobody's", what);
    *ret_holder = *found;
    return ERR_OK;
}

void directory_note_login(struct op *op, int64_t organization_id, int64_t user_id, int64_t time)
{
    struct image *image = directory_find_image(op->directory, organization_id);
    if (!image) return;
    pthread_rwlock_rdlock(&image->lock);
    uint32_t user = image_find_user(image, user_id);
    if (user != NO_ORDINAL) image_set_last_login(image, user, time);
    pthread_rwlock_unlock(&image->lock);
    image_drop(image);
}
