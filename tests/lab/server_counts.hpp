// What a server's front page counts, for tests that nothing has changed.
#pragma once

#include <map>
#include <string>

#include "support/https.hpp"
#include "support/server.hpp"

namespace lanrage::lab {

// The server as its own machine reaches it.
HttpsClient https_client(const Server& server);

// "parties", "peers" and their like from GET /; throws LabError when there are none.
std::map<std::string, std::int64_t> server_counts(const Server& server);

}  // namespace lanrage::lab
