/* profile.h — which release of Passbolt the answers are those of: 2.10 (spring 2019) or 5.12. Where passbolt.md tells no
 * difference there is none. The numbers are those of the setting passbolt.profile. */
#ifndef ROSTER_API_PASSBOLT_PROFILE_H
#define ROSTER_API_PASSBOLT_PROFILE_H

enum passbolt_profile { PASSBOLT_2 = 2, PASSBOLT_5 = 5 };

#endif
