// Gathers what the doctor has to know, and says what it found.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "agent/doctor.hpp"

namespace lanrage::agent {

// Of the machine, all parties and their servers; of one server where it is given. Takes some
// seconds, up to about twenty for each server that can't be reached.
boost::asio::awaitable<std::vector<Finding>> check_up(Agent& agent,
                                                      std::optional<std::string> server,
                                                      std::optional<std::string> pin);

// Of the machine alone, by a process that isn't the agent; `problem` says why the agent can't be
// asked.
std::vector<Finding> check_machine(std::string problem);

// {"schema", "findings": [{"check", "status", "detail", "advice"}], "problems", "warnings"}
boost::json::object findings_json(const std::vector<Finding>& findings);

}  // namespace lanrage::agent
