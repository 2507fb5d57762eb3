#include "api/dialects.h"

#include "api/bold/bold.h"
#include "api/passbolt/passbolt.h"
#include "api/struct_pim/struct_pim.h"
#include "api/system/system.h"
#include "api/tedee/tedee.h"

const struct dialect *const dialects[] = {
    &dialect_bold, &dialect_tedee, &dialect_struct_pim, &dialect_passbolt, &dialect_system, NULL,
};
