// What clients' and servers' TLS contexts have in common. Private to io/.
#pragma once

#include <openssl/ssl.h>

namespace lanrage::io {

void apply_common_settings(SSL_CTX* context);

}  // namespace lanrage::io
