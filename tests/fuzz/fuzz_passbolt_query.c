/* Passbolt's query strings: brackets in any order, both profiles, all places. */
#include "fuzz.h"

#include "api/passbolt/encode.h"
#include "api/passbolt/options.h"
#include "base/fold.h"

/* Every element is linked, keyed once, and no deeper than allowed. Returns how many there are. */
static size_t check_array(const struct passbolt_value *array, int depth)
{
    size_t count = 0;
    promise(depth <= PASSBOLT_QUERY_DEPTH_MAX + 1);
    promise(!array->text || !array->first);
    for (const struct passbolt_value *value = array->first; value; value = value->next) {
        promise(value->next || array->last == value);
        promise(passbolt_query_find(array, value->key) == value);
        count += 1 + check_array(value, depth + 1);
    }
    return count;
}

/* What the query may ask for, whatever it says. */
static void check_options(enum passbolt_profile profile, enum passbolt_place place, const struct passbolt_group_options *options)
{
    unsigned bits = options->contain;
    promise(!(bits & ~0xFFU));
    promise(!(bits & CONTAIN_MODIFIER_PROFILE) || bits & CONTAIN_MODIFIER);
    promise(!(bits & CONTAIN_MEMBER_USERS) || bits & CONTAIN_MEMBERS);
    promise(!(bits & (CONTAIN_MEMBER_PROFILES | CONTAIN_MEMBER_KEYS)) || bits & CONTAIN_MEMBER_USERS);
    promise(profile == PASSBOLT_2 || options->order == PASSBOLT_ORDER_NONE);
    if (place != PASSBOLT_LIST) promise(!options->has_user_count && !options->has_manager_count && !options->order);
    for (size_t i = 0; i < options->has_user_count + options->has_manager_count; i++) {
        char text[UUID_TEXT_SIZE];
        struct uuid uuid,
            *from = i < options->has_user_count ? options->has_users + i : options->has_managers + (i - options->has_user_count);
        uuid_format(text, from);
        promise(passbolt_uuid_parse(text, UUID_TEXT_SIZE - 1, &uuid) && uuid_equal(&uuid, from));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_OP op = op_begin();
    char *text = fuzz_text(data, size);
    struct request request = { .query = text };
    if (!request_parse_query(&op.failure, &op.arena, &request)) {
        const struct passbolt_value *query = passbolt_query_parse(&op.arena, request.parameters, request.parameter_count);
        promise(check_array(query, 0) <= request.parameter_count * (PASSBOLT_QUERY_DEPTH_MAX + 1));
        for (unsigned place = PASSBOLT_LIST; place <= PASSBOLT_CREATE; place <<= 1) {
            for (int profile = PASSBOLT_2; profile <= PASSBOLT_5; profile += PASSBOLT_5 - PASSBOLT_2) {
                struct passbolt_group_options options;
                failure_clear(&op.failure);
                enum err e =
                    passbolt_read_group_options(&op, (enum passbolt_profile)profile, (enum passbolt_place)place, query, &options);
                if (!e) check_options((enum passbolt_profile)profile, (enum passbolt_place)place, &options);
                else promise(e == ERR_INVALID && strncmp(op.failure.text, "Invalid ", 8) == 0);
                promise(utf8_is_valid(op.failure.text, strlen(op.failure.text)));
            }
        }
        failure_clear(&op.failure);
        enum err e = passbolt_check_api_version(&op, query);
        promise(!e || e == ERR_INVALID);
    }
    free(text);
    return 0;
}
