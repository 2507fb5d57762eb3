/* identify.c — from a token of an identity provider to a user of the directory.
 *
 * Whoever is found here may act as that user, so nothing is guessed: a claim that fits two users is worth nothing. */
#include "directory/resident.h"

#include <strings.h>

/* Whom a claim leads to. */
struct lead {
    uint32_t user; /* NO_ORDINAL: nobody */
    bool several;
};

/* Deleted users lead nowhere. */
static void follow(struct lead *lead, const struct image *image, uint32_t user)
{
    if (user == NO_ORDINAL || image->users[user].flags & USER_IS_DELETED) return;
    if (lead->user != NO_ORDINAL && lead->user != user) lead->several = true;
    lead->user = user;
}

/* A subject is what the provider calls the user: the user's uuid here, or what was imported as its external id. */
static struct lead follow_subject(const struct image *image, const char *subject)
{
    struct lead lead = { NO_ORDINAL, false };
    struct uuid uuid;
    if (!subject) return lead;
    follow(&lead, image, image_find_user_by_external_id(image, subject));
    if (lead.user != NO_ORDINAL) lead.several = image_shares_external_id(image, lead.user);
    if (uuid_parse(subject, strlen(subject), &uuid)) follow(&lead, image, image_find_user_by_uuid(image, &uuid));
    return lead;
}

/* Letters beyond ASCII must be the same: by Unicode's rules other letters become ASCII ones when folded (the Kelvin sign a k),
 * and an address that only looks like another can belong to somebody else. */
static struct lead follow_email(const struct image *image, const char *email)
{
    struct lead lead = { NO_ORDINAL, false };
    struct user user;
    if (!email) return lead;
    follow(&lead, image, image_find_user_by_email(image, email));
    if (lead.user == NO_ORDINAL) return lead;
    image_get_user(image, lead.user, &user);
    lead.several = image_shares_email(image, lead.user) || strcasecmp(user.email_address, email) != 0;
    return lead;
}

/* The first claim that leads to anybody decides: whom it finds set inactive does not come in by the next. */
static uint32_t find_claimed(const struct image *image, const struct jwt_claims *claims)
{
    struct lead lead = follow_subject(image, claims->oid);
    if (lead.user == NO_ORDINAL) lead = follow_subject(image, claims->sub);
    if (lead.user == NO_ORDINAL && claims->email_verified) lead = follow_email(image, claims->email);
    bool good = lead.user != NO_ORDINAL && !lead.several && image->users[lead.user].flags & USER_IS_ACTIVE;
    return good ? lead.user : NO_ORDINAL;
}

/* Words that are not in the table are somebody else's. */
static unsigned read_scopes(const char *text, const struct scope *scopes)
{
    unsigned rights = 0;
    while (text && *text) {
        size_t size = strcspn(text, " ");
        const char *slash = memrchr(text, '/', size), *word = slash ? slash + 1 : text;
        size_t word_size = size - (size_t)(word - text);
        for (const struct scope *scope = scopes; scope->word; scope++)
            if (strlen(scope->word) == word_size && strncmp(scope->word, word, word_size) == 0) rights |= scope->rights;
        text += size + (text[size] == ' ');
    }
    return rights ? rights | RIGHT_ALL_PERMITS : 0;
}

/* The number of the user; 0: nobody. */
static enum err find_user(struct op *op, const struct jwt_claims *claims, int64_t *ret_user_id)
{
    struct directory *directory = op->directory;
    struct resident *resident;
    struct image *image;
    *ret_user_id = 0;
    enum err e = directory_reach(op, directory, directory->jwt_organization);
    if (!e) e = directory_lease_to_read(op, directory, directory->jwt_organization, &resident, &image);
    if (e == ERR_NOT_FOUND) { /* the organization was deleted: nobody is in it */
        failure_clear(&op->failure);
        return ERR_OK;
    }
    if (e) return e;
    pthread_rwlock_rdlock(&image->lock);
    uint32_t user = find_claimed(image, claims);
    if (user != NO_ORDINAL) *ret_user_id = image->users[user].id;
    pthread_rwlock_unlock(&image->lock);
    image_drop(image);
    return ERR_OK;
}

static enum err authenticate_token(struct op *op, const char *token, size_t size, const struct scope *scopes)
{
    struct directory *directory = op->directory;
    struct jwt_claims claims;
    int64_t user_id;
    enum err e = jwt_verify(op, directory->jwt, token, size, &claims);
    if (!e) e = find_user(op, &claims, &user_id);
    if (e) return e;
    if (!user_id)
        return op_fail(op, ERR_UNAUTHENTICATED, "", "the token is good, but it is that of no active user of the directory");
    op->caller = (struct caller){
        .organization_id = directory->jwt_organization,
        .user_id = user_id,
        .rights = read_scopes(claims.scopes, scopes),
    };
    return ERR_OK;
}

enum err directory_authenticate(struct op *op, const char *authorization, unsigned forms, const struct scope *scopes)
{
    static const char scheme[] = "Bearer ";
    bool bearer = authorization && strncasecmp(authorization, scheme, sizeof scheme - 1) == 0;
    if (bearer && forms & FORM_JWT && op->directory->jwt) {
        const char *token = authorization + sizeof scheme - 1;
        token += strspn(token, " ");
        size_t size = strlen(token);
        while (size && (token[size - 1] == ' ' || token[size - 1] == '\t')) size--; /* RFC 9110 section 5.5: not part of it */
        if (jwt_is_token(token, size)) return authenticate_token(op, token, size, scopes);
    }
    return credentials_authenticate(op, op->directory->credentials, authorization, forms);
}
