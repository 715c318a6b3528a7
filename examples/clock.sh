#!/usr/bin/env bash
# A bot: answers !time. It needs bash and curl, and misses nothing while the server restarts.
room=${1:-http://localhost:8080/rooms/lobby} since=now
while :; do
    while read -r event; do # one JSON object a line; quotes within texts are escaped
        [[ $event =~ \"(id|next)\":([0-9]+) ]] && since=${BASH_REMATCH[2]}
        [[ $event =~ \"text\":\"!time\" ]] && curl -s -d "It is $(date +%H:%M)." "$room/messages?name=clock"
    done < <(curl -sN -H 'Accept: application/x-ndjson' "$room/events?since=$since")
    sleep 1
done
