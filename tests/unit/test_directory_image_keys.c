/* An image's users with keys: what it holds of them. */
#include "unit.h"

#include "directory/image.h"

#include <stdlib.h>

#define KEY_1 "B796192CCA3AA69FEB06EE8DCFAE9233AF4C025B"
#define KEY_2 "79B7801FE00E97BE63FE4FBA14D9C76BD5BE83AF"

static struct user holder(int64_t id, const char *fingerprint)
{
    return (struct user){ .id = id,
                          .uuid = { .bytes = { (unsigned char)id } },
                          .public_key = fingerprint,
                          .key_fingerprint = fingerprint,
                          .active = true };
}

static void create(struct image *image, struct user user)
{
    assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
}

static void update(struct image *image, struct user user)
{
    assert_true(image_apply(image, &(struct change){ .kind = USER_UPDATED, .after.user = &user }, 1));
}

static void the_longest_key_is_held_whole(void **state)
{
    (void)state;
    struct image *image = image_new(1);
    char *key = malloc(PUBLIC_KEY_MAX + 1);
    for (size_t i = 0; i < PUBLIC_KEY_MAX; i++) key[i] = (char)('a' + i % 26);
    key[PUBLIC_KEY_MAX] = 0;
    struct user full = holder(1, KEY_1), held;
    full.public_key = key;
    full.user_name = "ada";
    full.external_id = "x-1";
    full.key_user_id = "Ada <ada@example.org>";
    full.key_type = "RSA";
    full.key_bits = 8192;
    full.key_created = INT64_MAX;
    full.key_expires = 1;
    full.deleted_at = 2;
    create(image, full);
    image_get_user(image, 0, &held);
    full.organization_id = 1;
    assert_int_equal(fields_differ(NOUN_USER, (union object){ .user = &full }, (union object){ .user = &held }), 0);
    free(key);
    image_drop(image);
}

static int64_t last_login(const struct image *image)
{
    struct user user;
    image_get_user(image, 0, &user);
    return user.last_login_at;
}

static void a_last_login_is_kept_to_the_second_within_what_fits(void **state)
{
    (void)state;
    struct image *image = image_new(1);
    create(image, holder(1, KEY_1));
    image_set_last_login(image, 0, -1000000);
    assert_int_equal(last_login(image), 0);
    image_set_last_login(image, 0, 1999999);
    assert_int_equal(last_login(image), 1000000);
    image_set_last_login(image, 0, 0);
    assert_int_equal(last_login(image), 1000000);
    image_set_last_login(image, 0, INT64_MAX);
    assert_int_equal(last_login(image), UINT32_MAX * INT64_C(1000000));
    update(image, holder(1, NULL));
    assert_int_equal(last_login(image), UINT32_MAX * INT64_C(1000000));
    image_drop(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_key_is_held_whole),
        cmocka_unit_test(a_last_login_is_kept_to_the_second_within_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
