#include <utility>

#include "io/http_server.hpp"

namespace lanrage::io {

Responder::Responder(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  Responder old(std::move(*this));  // answers, if nobody did
  sink_ = std::move(other.sink_);
  return *this;
}

Responder::~Responder() {
  if (sink_)
    send(HttpResponse::problem(
        protocol::problem_of(protocol::Errc::internal_error, "the request was not answered")));
}

void Responder::send(HttpResponse response) {
  if (auto sink = std::exchange(sink_, nullptr)) sink->answer(std::move(response));
}

}  // namespace lanrage::io
