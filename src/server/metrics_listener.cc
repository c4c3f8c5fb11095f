#include "server/metrics_listener.hpp"

#include "server/config.hpp"

namespace lanrage::server {

Result<std::unique_ptr<MetricsListener>> MetricsListener::start(boost::asio::io_context& io,
                                                                const Endpoint& listen,
                                                                const Metrics& metrics) {
  std::unique_ptr<MetricsListener> listener(new MetricsListener(metrics));
  io::ServerLimits limits;
  limits.body_bytes = 0;
  limits.connections = 16;
  auto http = io::HttpServer::start(
      io, {listen, nullptr, limits},
      {[self = listener.get()](const io::HttpRequest& request, io::Responder responder) {
         self->on_request(request, std::move(responder));
       },
       {}});
  if (!http && http.error().is(io::ServerErrc::address_in_use))
    return fail(io::ServerErrc::address_in_use,
                http.error().message() + " with --metrics-listen, or off", "--metrics-listen");
  if (!http) return std::unexpected(http.error());
  listener->http_ = std::move(*http);
  return listener;
}

Result<std::unique_ptr<MetricsListener>> MetricsListener::start_as_set(boost::asio::io_context& io,
                                                                       const Endpoint& listen,
                                                                       const Metrics& metrics,
                                                                       io::Log& log) {
  auto listener = start(io, listen, metrics);
  if (!listener) {
    if (listen != *Config{}.metrics_listen) return std::unexpected(listener.error());
    log.warning("no_metrics", {{"reason", listener.error().message()}});
    return nullptr;
  }
  log.info("metrics", {{"listen", (*listener)->endpoint().to_string()}});
  if (!listen.address.is_loopback())
    log.warning("metrics_open", {{"listen", (*listener)->endpoint().to_string()},
                                 {"why", "anybody who reaches it can read the counters"}});
  return listener;
}

void MetricsListener::on_request(const io::HttpRequest& request, io::Responder responder) const {
  if (request.path() != "/metrics") {
    responder.send(io::HttpResponse::problem(
        protocol::problem_of(protocol::Errc::not_found, "here is only /metrics")));
    return;
  }
  if (request.method != io::Method::get && request.method != io::Method::head) {
    responder.send(io::HttpResponse::problem(
        protocol::problem_of(protocol::Errc::method_not_allowed, "/metrics is read with GET")));
    return;
  }
  responder.send({200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8", {}});
}

}  // namespace lanrage::server
