# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chinwag_global_optspecs
    string join \n h/help V/version
end

function __fish_chinwag_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chinwag_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chinwag_using_subcommand
    set -l cmd (__fish_chinwag_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chinwag -n "__fish_chinwag_needs_command" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_needs_command" -s V -l version -d 'Print version'
complete -c chinwag -n "__fish_chinwag_needs_command" -f -a "serve" -d 'Start a server: a room for a group chat, unless another service is named'
complete -c chinwag -n "__fish_chinwag_needs_command" -f -a "connect" -d 'Talk to a server, from a terminal or in a pipe'
complete -c chinwag -n "__fish_chinwag_needs_command" -f -a "bench" -d 'Put a load of many clients on a server, and tell what came of it'
complete -c chinwag -n "__fish_chinwag_needs_command" -f -a "generate" -d 'Write man pages, or completions for a shell'
complete -c chinwag -n "__fish_chinwag_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l max-clients-per-ip -d 'Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l message-rate -d 'Take at most N messages a second from each client, and BURST at once [default of BURST: 8, or N if that is more]; further messages wait' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l first-line-timeout -d 'Close a client that has sent no message this long after it came' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l max-message -d 'Largest message, in bytes; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l idle-timeout -d 'Close a client that has sent nothing for this long' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l grace -d 'How long the server may take, when it ends, to send what clients are owed' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l metrics -d 'Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no client and takes no client\'s place' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l user -d 'Become this user once the listeners are open' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l tls-cert -d 'The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one that clients trust; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l tls-key -d 'The private key of the certificate, in PEM; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l framing -d 'What a message is: a line; or, with \'raw\', what was sent before 200 ms of silence; or, with \'auto\', raw until the client\'s first newline, then a line' -r -f -a "auto\t''
line\t''
raw\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l history -d 'Replay this many lines of the conversation to each newcomer; at most 10000' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l notices -d 'How to tell joins and leaves; \'auto\': one by one up to 50 members, then summed up once a second' -r -f -a "auto\t''
on\t''
off\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l pace -d 'Whether a large, busy room merges several messages into one write' -r -f -a "auto\t''
off\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l log-size -d 'Memory of the room\'s log; a member that falls further behind is disconnected' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l room -d 'Keep a room of this name, also when nobody is in it. Can be given several times' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l max-rooms -d 'At most N rooms beside the lobby, kept ones included; at most 10000' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l motd -d 'Tell each newcomer this text, or what this file holds, read anew at SIGHUP; at most 16k' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l operator-password-file -d 'Let who says the password in this file\'s first line by /op kick, ban and mute others; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l state -d 'Keep what is to outlast the server, whom operators have banned, in a file in this folder, which is made if there is none' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l allow-origin -d 'Let pages of this origin, as https://example.org, join by WebSocket, beside the server\'s own. Can be given several times' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l password-file -d 'Let in only who says the password first, the first line of this file, read anew at SIGHUP; at most 512 bytes' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l transcript -d 'Append all that is said to this file, a JSON object a line, opened anew at SIGHUP; what it holds at the start is the history' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l hub -d 'Be one of the nodes of this hub, a Redis or Valkey: redis://[USER:PASSWORD@]HOST:PORT[/DB] or unix:///PATH; what is said on one of them is heard on all. Others see the arguments of a process: a password belongs in CHINWAG_HUB' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l hub-key -d 'The key of the hub\'s stream; others begin with it' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l node -d 'This node\'s name at the hub, which no other has [default: the host\'s name]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -s l -l listen -d 'Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there: auto (the default: what a client sends first decides), lines, tls, http, https, irc or ircs. Can be given several times. Where systemd hands sockets over, nothing else is listened on unless asked for [default: 127.0.0.1:7788]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l max-clients -d 'Serve at most N clients at once; further ones are told so and turned away [default: the descriptor limit less 32]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l max-pending -d 'Bytes that may wait to be sent to one client, besides the room\'s log; a client over it is not read from; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l proxy-protocol -d 'Every client comes through a proxy that says first where it comes from (PROXY protocol, version 1 or 2); close those that do not'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l sandbox -d 'Once the listeners are open, give up opening files and further listeners (Landlock)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -l tls-self-signed -d 'Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -f -a "room" -d 'A group chat: each line goes to all the others'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -f -a "console" -d 'The operator answers each client from the server\'s own terminal, or by a script'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -f -a "echo" -d 'Each client gets back what it sends'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and not __fish_seen_subcommand_from room console echo reply" -f -a "reply" -d 'Answer each client once, and hang up'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l max-clients-per-ip -d 'Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l message-rate -d 'Take at most N messages a second from each client, and BURST at once [default of BURST: 8, or N if that is more]; further messages wait' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l first-line-timeout -d 'Close a client that has sent no message this long after it came' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l max-message -d 'Largest message, in bytes; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l idle-timeout -d 'Close a client that has sent nothing for this long' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l grace -d 'How long the server may take, when it ends, to send what clients are owed' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l metrics -d 'Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no client and takes no client\'s place' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l user -d 'Become this user once the listeners are open' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l tls-cert -d 'The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one that clients trust; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l tls-key -d 'The private key of the certificate, in PEM; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l framing -d 'What a message is: a line; or, with \'raw\', what was sent before 200 ms of silence; or, with \'auto\', raw until the client\'s first newline, then a line' -r -f -a "auto\t''
line\t''
raw\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l history -d 'Replay this many lines of the conversation to each newcomer; at most 10000' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l notices -d 'How to tell joins and leaves; \'auto\': one by one up to 50 members, then summed up once a second' -r -f -a "auto\t''
on\t''
off\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l pace -d 'Whether a large, busy room merges several messages into one write' -r -f -a "auto\t''
off\t''"
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l log-size -d 'Memory of the room\'s log; a member that falls further behind is disconnected' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l room -d 'Keep a room of this name, also when nobody is in it. Can be given several times' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l max-rooms -d 'At most N rooms beside the lobby, kept ones included; at most 10000' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l motd -d 'Tell each newcomer this text, or what this file holds, read anew at SIGHUP; at most 16k' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l operator-password-file -d 'Let who says the password in this file\'s first line by /op kick, ban and mute others; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l state -d 'Keep what is to outlast the server, whom operators have banned, in a file in this folder, which is made if there is none' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l allow-origin -d 'Let pages of this origin, as https://example.org, join by WebSocket, beside the server\'s own. Can be given several times' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l password-file -d 'Let in only who says the password first, the first line of this file, read anew at SIGHUP; at most 512 bytes' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l transcript -d 'Append all that is said to this file, a JSON object a line, opened anew at SIGHUP; what it holds at the start is the history' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l hub -d 'Be one of the nodes of this hub, a Redis or Valkey: redis://[USER:PASSWORD@]HOST:PORT[/DB] or unix:///PATH; what is said on one of them is heard on all. Others see the arguments of a process: a password belongs in CHINWAG_HUB' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l hub-key -d 'The key of the hub\'s stream; others begin with it' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l node -d 'This node\'s name at the hub, which no other has [default: the host\'s name]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -s l -l listen -d 'Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there: auto (the default: what a client sends first decides), lines, tls, http, https, irc or ircs. Can be given several times. Where systemd hands sockets over, nothing else is listened on unless asked for [default: 127.0.0.1:7788]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l max-clients -d 'Serve at most N clients at once; further ones are told so and turned away [default: the descriptor limit less 32]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l max-pending -d 'Bytes that may wait to be sent to one client, besides the room\'s log; a client over it is not read from; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l proxy-protocol -d 'Every client comes through a proxy that says first where it comes from (PROXY protocol, version 1 or 2); close those that do not'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l sandbox -d 'Once the listeners are open, give up opening files and further listeners (Landlock)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -l tls-self-signed -d 'Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from room" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -s l -l listen -d 'Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there, lines (the default) or tls. Can be given several times. Where systemd hands sockets over, nothing else is listened on unless asked for [default: 127.0.0.1:7788]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l max-clients -d 'Serve at most N clients at once; further ones wait [default: the descriptor limit less 32]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l max-clients-per-ip -d 'Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l message-rate -d 'Take at most N messages a second from each client, and BURST at once [default of BURST: 8, or N if that is more]; further messages wait' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l first-line-timeout -d 'Close a client that has sent no message this long after it came' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l max-message -d 'Largest message, in bytes; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l max-pending -d 'Bytes that may wait to be sent to one client; a client over it is not read from; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l idle-timeout -d 'Close a client that has sent nothing for this long' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l grace -d 'How long the server may take, when it ends, to send what clients are owed' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l metrics -d 'Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no client and takes no client\'s place' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l user -d 'Become this user once the listeners are open' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l tls-cert -d 'The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one that clients trust; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l tls-key -d 'The private key of the certificate, in PEM; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l proxy-protocol -d 'Every client comes through a proxy that says first where it comes from (PROXY protocol, version 1 or 2); close those that do not'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l sandbox -d 'Once the listeners are open, give up opening files and further listeners (Landlock)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -l tls-self-signed -d 'Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from console" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -s l -l listen -d 'Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there, lines (the default) or tls. Can be given several times. Where systemd hands sockets over, nothing else is listened on unless asked for [default: 127.0.0.1:7788]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l max-clients -d 'Serve at most N clients at once; further ones wait [default: the descriptor limit less 32]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l max-clients-per-ip -d 'Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l message-rate -d 'Take at most N messages a second from each client, and BURST at once [default of BURST: 8, or N if that is more]; further messages wait' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l first-line-timeout -d 'Close a client that has sent no message this long after it came' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l max-message -d 'Largest message, in bytes; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l max-pending -d 'Bytes that may wait to be sent to one client; a client over it is not read from; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l idle-timeout -d 'Close a client that has sent nothing for this long' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l grace -d 'How long the server may take, when it ends, to send what clients are owed' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l metrics -d 'Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no client and takes no client\'s place' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l user -d 'Become this user once the listeners are open' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l tls-cert -d 'The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one that clients trust; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l tls-key -d 'The private key of the certificate, in PEM; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l proxy-protocol -d 'Every client comes through a proxy that says first where it comes from (PROXY protocol, version 1 or 2); close those that do not'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l sandbox -d 'Once the listeners are open, give up opening files and further listeners (Landlock)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -l tls-self-signed -d 'Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from echo" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -s l -l listen -d 'Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there, lines (the default) or tls. Can be given several times. Where systemd hands sockets over, nothing else is listened on unless asked for [default: 127.0.0.1:7788]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l max-clients -d 'Serve at most N clients at once; further ones wait [default: the descriptor limit less 32]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l max-clients-per-ip -d 'Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l message-rate -d 'Take at most N messages a second from each client, and BURST at once [default of BURST: 8, or N if that is more]; further messages wait' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l first-line-timeout -d 'Close a client that has sent no message this long after it came' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l max-message -d 'Largest message, in bytes; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l max-pending -d 'Bytes that may wait to be sent to one client; a client over it is not read from; at most 16m' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l grace -d 'How long the server may take, when it ends, to send what clients are owed' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l metrics -d 'Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no client and takes no client\'s place' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l user -d 'Become this user once the listeners are open' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l tls-cert -d 'The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one that clients trust; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l tls-key -d 'The private key of the certificate, in PEM; read anew at SIGHUP' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l text -d 'Send this text, and nothing added to it' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l idle-timeout -d 'Close a client that has sent nothing for this long' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l proxy-protocol -d 'Every client comes through a proxy that says first where it comes from (PROXY protocol, version 1 or 2); close those that do not'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l sandbox -d 'Once the listeners are open, give up opening files and further listeners (Landlock)'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l tls-self-signed -d 'Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -l once -d 'Exit after the first client'
complete -c chinwag -n "__fish_chinwag_using_subcommand serve; and __fish_seen_subcommand_from reply" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -l timeout -d 'How long connecting may take, over all addresses' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -l tls-ca -d 'Trust the servers that a certificate in this file has signed, in place of those that this machine trusts' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -l tls-fingerprint -d 'Trust the server whose certificate has this SHA-256 fingerprint, and no other' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -l password-file -d 'Say the password that stands in this file, first of all' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -l raw -d 'Send each line by itself, in one send, without its newline'
complete -c chinwag -n "__fish_chinwag_using_subcommand connect" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -f -a "echo" -d 'Each client gets back what it sends'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -f -a "room" -d 'What some members send goes to all the others'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -f -a "compare" -d 'Reports made with --output, side by side with their ratios'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -f -a "doctor" -d 'What this machine allows, and which command raises it'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and not __fish_seen_subcommand_from echo room compare doctor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -s c -l connections -d 'Clients that are measured' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -s d -l duration -d 'How long to measure [default: 10s; with -n: until all are sent]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -s n -l messages -d 'Measure so many messages, the warm-up apart' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l warmup -d 'Load before measuring' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l timeout -d 'How long to wait for a connection, a greeting, the last messages' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l size -d 'Bytes of a message with its newline' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l rate -d 'Open loop: messages a second of all senders, whatever the server does; latency counts from when a message was due. Without it, closed loop' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l profile -d 'Open loop: the rate changes evenly, over the measured time' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l arrivals -d 'Open loop: messages evenly apart, or at random as of many people' -r -f -a "even\t'One as long after the other as the rate says'
poisson\t'Independent of each other'"
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l find-rate -d 'Look for the highest rate that meets this, as in \'p99<20ms\', beginning at --rate' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l fail-if -d 'Exit with 1 if this is so, as in \'p99>20ms\'; of p50, p90, p99, p999, p9999, max or mean; with 3 if there are too few messages for a percentile; repeatable' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l pipeline -d 'Closed loop: messages that each sender has in flight' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l threads -d 'Generator threads; each takes a core of its own' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l tls-ca -d 'Trust the servers that a certificate in this file has signed' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l tls-fingerprint -d 'Trust the server whose certificate has this SHA-256 fingerprint, and no other' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l connect-rate -d 'Connections made a second [default: as fast as they are accepted]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l source -d 'Connect from this address; repeatable, in turn' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l idle -d 'Further connections that are only there' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l slow -d 'Further connections that never read' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l churn -d 'Further connections a second that come and go' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l hello -d 'First line of each connection; {n} is its number, \\r \\n \\t \\\\ are understood' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l expect -d 'Each connection waits until the server has said this' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l pid -d 'The server\'s process, to tell its CPU time and memory; repeatable: of each and together' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l compare -d 'Measure a second server in turns with the first, and tell the ratios; repeatable, if it is one of several nodes' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l compare-pid -d 'The second server\'s process; repeatable' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l rounds -d 'Turns that each of two servers gets' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -s o -l output -d 'Write the report as JSON' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l plot -d 'Draw latency and throughput on a page' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l hdr -d 'Write the latencies as a HdrHistogram log, a line a second' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l series -d 'Write a row a measured second' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l tls -d 'All connections over TLS. On this machine any certificate is taken; elsewhere one that this machine trusts'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l tls-resume -d 'Let TLS handshakes resume what earlier ones have agreed on, where the server does; else each is a full one'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l calibrate -d 'Give the server\'s CPU time also in units of one loopback send and receive, measured on its core in the same seconds'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -l json -d 'Print the report as JSON'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from echo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -s c -l connections -d 'Clients that are measured' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -s d -l duration -d 'How long to measure [default: 10s; with -n: until all are sent]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -s n -l messages -d 'Measure so many messages, the warm-up apart' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l warmup -d 'Load before measuring' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l timeout -d 'How long to wait for a connection, a greeting, the last messages' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l size -d 'Bytes of a message with its newline' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l rate -d 'Open loop: messages a second of all senders, whatever the server does; latency counts from when a message was due. Without it, closed loop' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l profile -d 'Open loop: the rate changes evenly, over the measured time' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l arrivals -d 'Open loop: messages evenly apart, or at random as of many people' -r -f -a "even\t'One as long after the other as the rate says'
poisson\t'Independent of each other'"
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l find-rate -d 'Look for the highest rate that meets this, as in \'p99<20ms\', beginning at --rate' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l fail-if -d 'Exit with 1 if this is so, as in \'p99>20ms\'; of p50, p90, p99, p999, p9999, max or mean; with 3 if there are too few messages for a percentile; repeatable' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l pipeline -d 'Closed loop: messages that each sender has in flight' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l threads -d 'Generator threads; each takes a core of its own' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l tls-ca -d 'Trust the servers that a certificate in this file has signed' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l tls-fingerprint -d 'Trust the server whose certificate has this SHA-256 fingerprint, and no other' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l connect-rate -d 'Connections made a second [default: as fast as they are accepted]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l source -d 'Connect from this address; repeatable, in turn' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l idle -d 'Further connections that are only there' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l slow -d 'Further connections that never read' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l churn -d 'Further connections a second that come and go' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l hello -d 'First line of each connection; {n} is its number, \\r \\n \\t \\\\ are understood' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l expect -d 'Each connection waits until the server has said this' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l pid -d 'The server\'s process, to tell its CPU time and memory; repeatable: of each and together' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l compare -d 'Measure a second server in turns with the first, and tell the ratios; repeatable, if it is one of several nodes' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l compare-pid -d 'The second server\'s process; repeatable' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l rounds -d 'Turns that each of two servers gets' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -s o -l output -d 'Write the report as JSON' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l plot -d 'Draw latency and throughput on a page' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l hdr -d 'Write the latencies as a HdrHistogram log, a line a second' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l series -d 'Write a row a measured second' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l senders -d 'How many of the members send [default: 10, or all of fewer]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l protocol -d 'How messages are carried' -r -f -a "line\t'Lines; what a server puts before a message does not matter'
redis\t'Redis 6 or later: SUBSCRIBE and PUBLISH'
nats\t'NATS: SUB and PUB'
ws\t'WebSocket, at /ws: text in, chinwag\'s JSON or the text as it is out'
irc\t'IRC, in #lobby'"
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l own -d 'Whether the server gives the sender its own message too [default: yes with redis and ws, else no]' -r
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l tls -d 'All connections over TLS. On this machine any certificate is taken; elsewhere one that this machine trusts'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l tls-resume -d 'Let TLS handshakes resume what earlier ones have agreed on, where the server does; else each is a full one'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l calibrate -d 'Give the server\'s CPU time also in units of one loopback send and receive, measured on its core in the same seconds'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -l json -d 'Print the report as JSON'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from room" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from compare" -l plot -d 'Draw all of them on one page' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from compare" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from doctor" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "echo" -d 'Each client gets back what it sends'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "room" -d 'What some members send goes to all the others'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "compare" -d 'Reports made with --output, side by side with their ratios'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "doctor" -d 'What this machine allows, and which command raises it'
complete -c chinwag -n "__fish_chinwag_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -f -a "man" -d 'Man pages of the program and of its commands, all of them on stdout'
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -f -a "completions" -d 'A script on stdout with which a shell completes command lines'
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and __fish_seen_subcommand_from man" -l out -d 'Write each page into a file of its own in this directory, which is made if need be' -r -F
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and not __fish_seen_subcommand_from serve connect bench generate help" -f -a "serve" -d 'Start a server: a room for a group chat, unless another service is named'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and not __fish_seen_subcommand_from serve connect bench generate help" -f -a "connect" -d 'Talk to a server, from a terminal or in a pipe'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and not __fish_seen_subcommand_from serve connect bench generate help" -f -a "bench" -d 'Put a load of many clients on a server, and tell what came of it'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and not __fish_seen_subcommand_from serve connect bench generate help" -f -a "generate" -d 'Write man pages, or completions for a shell'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and not __fish_seen_subcommand_from serve connect bench generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "room" -d 'A group chat: each line goes to all the others'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "console" -d 'The operator answers each client from the server\'s own terminal, or by a script'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "echo" -d 'Each client gets back what it sends'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "reply" -d 'Answer each client once, and hang up'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "echo" -d 'Each client gets back what it sends'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "room" -d 'What some members send goes to all the others'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "compare" -d 'Reports made with --output, side by side with their ratios'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "doctor" -d 'What this machine allows, and which command raises it'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "man" -d 'Man pages of the program and of its commands, all of them on stdout'
complete -c chinwag -n "__fish_chinwag_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "completions" -d 'A script on stdout with which a shell completes command lines'
