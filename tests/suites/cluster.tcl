# What a suite uses instead of its own start_cluster: an engine of ours that is a cluster from the start.
# MemoryDB has none of the commands that a suite would make one with.

proc start_cluster {masters replicas options code args} {
    if {$replicas % $masters} {
        error "shards of different size: $replicas replicas of $masters primaries"
    }
    proc ::pause_process {pid} { error "all nodes share one process" }
    set engine [open "| $::env(SUITE_CLUSTER) --port [free_ports [expr {$masters + $replicas}]] \
        --shards $masters --replicas [expr {$replicas / $masters}]" r]
    set primaries {}
    set others {}
    while {[gets $engine line] >= 0 && $line ne "Ready."} {
        if {[regexp {^bare-\S+ (primary|replica) (\S+):(\d+)$} $line -> role host port]} {
            set node [list host $host port $port pid [pid $engine] config [list port $port]]
            dict set node client [valkey $host $port 0 0]
            lappend [expr {$role eq "primary" ? "primaries" : "others"}] $node
        }
    }
    if {[dict exists $options overrides]} {
        foreach node [concat $primaries $others] {
            # What a node does not know, such as a timeout of the bus that it has not, changes nothing.
            dict for {directive value} [dict get $options overrides] {
                catch {[dict get $node client] config set $directive $value}
            }
        }
    }
    # A suite counts nodes from the end of its list.
    lappend ::servers {*}[lreverse [concat $primaries $others]]
    set failed [catch {uplevel 1 $code} error]
    set why $::errorInfo
    foreach node [concat $primaries $others] {
        catch {[dict get $node client] close}
        set ::servers [lrange $::servers 0 end-1]
    }
    catch {exec kill [pid $engine]}
    catch {close $engine}
    if {$failed} {
        send_data_packet $::test_server_fd err "a cluster's code\n$error\n$why"
    }
}

# The first of so many ports in a row that nobody listens at.
proc free_ports {count} {
    for {set first 21000} {$first < 60000} {incr first $count} {
        set sockets {}
        for {set port $first} {$port < $first + $count} {incr port} {
            if {[catch {socket -server {} -myaddr 127.0.0.1 $port} socket]} break
            lappend sockets $socket
        }
        foreach socket $sockets { close $socket }
        if {[llength $sockets] == $count} { return $first }
    }
    error "no free ports"
}
