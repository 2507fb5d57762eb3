/* nouns.c — names and sizes of the nouns, and what can be told of one alone. */
#include "model/nouns.h"

#include <string.h>

// clang-format off
static const struct {
    const char *name;
    size_t size;
} nouns[NOUN_COUNT] = {
    [NOUN_ORGANIZATION] = { "organization", sizeof(struct organization) },
    [NOUN_ACCOUNT]      = { "account",      sizeof(struct account) },
    [NOUN_USER]         = { "user",         sizeof(struct user) },
    [NOUN_GROUP]        = { "group",        sizeof(struct group) },
    [NOUN_MEMBERSHIP]   = { "membership",   sizeof(struct membership) },
    [NOUN_NESTING]      = { "nesting",      sizeof(struct nesting) },
    [NOUN_CREDENTIAL]   = { "credential",   sizeof(struct credential) },
};
// clang-format on

size_t noun_size(enum noun noun)
{
    return nouns[noun].size;
}

const char *noun_name(enum noun noun)
{
    return nouns[noun].name;
}

bool noun_find(const char *name, enum noun *ret_noun)
{
    for (size_t i = 0; i < NOUN_COUNT; i++) {
        if (strcmp(nouns[i].name, name) != 0) continue;
        *ret_noun = (enum noun)i;
        return true;
    }
    return false;
}

const struct grant *group_grants(const struct group *group, int kind, size_t *ret_count)
{
    size_t from = 0;
    while (from < group->grant_count && group->grants[from].kind != kind) from++;
    size_t to = from;
    while (to < group->grant_count && group->grants[to].kind == kind) to++;
    *ret_count = to - from;
    return *ret_count ? group->grants + from : NULL;
}

bool membership_has_ended(const struct membership *membership, int64_t now)
{
    return membership->ends_at && membership->ends_at <= now;
}

bool membership_is_in_effect(const struct membership *membership, int64_t now)
{
    return (!membership->starts_at || membership->starts_at <= now) && !membership_has_ended(membership, now);
}
