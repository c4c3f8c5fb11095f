#pragma once

#include <gmock/gmock.h>
#include <list>

#include "unit/io/loopback.hpp"

namespace lanrage::io {

// The server's end echoes; a path other than /ws is refused.
class WebSocketTest : public Loopback {
 protected:
  struct Session {
    std::shared_ptr<WebSocket> socket;
    std::vector<std::string> texts;
    int overflows = 0;
    int closes = 0;
    std::uint16_t code = 0;
    std::string reason;
  };

  WebSocketTest() {
    on_upgrade = [this](const HttpRequest& request) -> std::variant<WebSocketOpened, HttpResponse> {
      if (request.path() != "/ws")
        return HttpResponse::problem(
            protocol::problem_of(protocol::Errc::unknown_token, "register again"));
      authorization = std::string(request.headers.find("Authorization").value_or(""));
      return WebSocketOpened([this](std::shared_ptr<WebSocket> socket) {
        auto& session = sessions.emplace_back();
        session.socket = std::move(socket);
        WebSocketEvents events;
        events.on_text = [this, &session](const std::string& text) {
          session.texts.push_back(text);
          if (echo) session.socket->send(std::make_shared<const std::string>(text));
        };
        events.on_overflow = [&session] {
          ++session.overflows;
          session.socket->send(std::make_shared<const std::string>("snapshot"));
        };
        events.on_closed = [&session](std::uint16_t code, const std::string& reason) {
          ++session.closes;
          session.code = code;
          session.reason = reason;
        };
        return events;
      });
    };
  }

  // Upgrades a connection that then speaks frames by hand.
  Tcp::socket upgrade_raw() {
    auto socket = connect_raw();
    write_raw(socket,
              "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    EXPECT_THAT(read_raw(socket, "\r\n\r\n"), testing::StartsWith("HTTP/1.1 101"));
    run_until([&] { return !sessions.empty(); });
    return socket;
  }

  Result<void> open(WebSocketClient& client, std::string path = "/ws") {
    Headers headers;
    headers.add("Authorization", "Bearer abc");
    return run(client.connect(std::move(path), std::move(headers), kLong));
  }

  bool echo = true;
  std::string authorization;
  std::list<Session> sessions;
};

}  // namespace lanrage::io
