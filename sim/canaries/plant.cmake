# Writes OUT/<path>: the file <path> of the tree with the planted bug of PATCH.
#   cmake -DGIT=... -DROOT=... -DPATCH=... -DFILE=<path> -DOUT=... -P plant.cmake
file(REMOVE "${OUT}/${FILE}")
configure_file("${ROOT}/${FILE}" "${OUT}/${FILE}" COPYONLY)
get_filename_component(parent "${OUT}" DIRECTORY)
# Or git would take OUT for a part of the repository around it, and apply nothing.
set(ENV{GIT_CEILING_DIRECTORIES} "${parent}")
execute_process(COMMAND "${GIT}" apply "${PATCH}" WORKING_DIRECTORY "${OUT}"
                RESULT_VARIABLE failed ERROR_VARIABLE reason)
if(failed)
  file(REMOVE "${OUT}/${FILE}")
  message(FATAL_ERROR "the canary's patch ${PATCH} no longer applies to ${FILE}: "
                      "plant its bug anew\n${reason}")
endif()
