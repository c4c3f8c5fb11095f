// GET /metrics for Prometheus, on a listener of its own: plain HTTP, so on loopback unless the
// operator says otherwise.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "io/http_server.hpp"
#include "io/log.hpp"
#include "server/metrics.hpp"

namespace lanrage::server {

class MetricsListener {
 public:
  // Both on the loop's thread. A port that is taken is an error that names --metrics-listen.
  static Result<std::unique_ptr<MetricsListener>> start(boost::asio::io_context& io,
                                                        const Endpoint& listen,
                                                        const Metrics& metrics);
  // The same as an operator's settings have it: null, with a warning, where only the default
  // address is taken (nobody asked for it, as with a second server on this machine).
  static Result<std::unique_ptr<MetricsListener>> start_as_set(boost::asio::io_context& io,
                                                               const Endpoint& listen,
                                                               const Metrics& metrics,
                                                               io::Log& log);
  Endpoint endpoint() const { return http_->endpoint(); }

 private:
  explicit MetricsListener(const Metrics& metrics) : metrics_(metrics) {}
  void on_request(const io::HttpRequest& request, io::Responder responder) const;

  const Metrics& metrics_;
  std::unique_ptr<io::HttpServer> http_;
};

}  // namespace lanrage::server
