# Writes OUT/<path> for each path of FILES (separated by ','): the file of the tree with the planted
# bug of PATCH.
#   cmake -DGIT=... -DROOT=... -DPATCH=... -DFILES=<path>,... -DOUT=... -P plant.cmake
#
# A patch that no longer applies is no reason to build nothing: the files are written as they are,
# and the test that looks for the bug fails.
string(REPLACE "," ";" files "${FILES}")
foreach(file ${files})
  file(REMOVE "${OUT}/${file}")
  configure_file("${ROOT}/${file}" "${OUT}/${file}" COPYONLY)
endforeach()
get_filename_component(parent "${OUT}" DIRECTORY)
# Or git would take OUT for a part of the repository around it, and apply nothing.
set(ENV{GIT_CEILING_DIRECTORIES} "${parent}")
execute_process(COMMAND "${GIT}" apply "${PATCH}" WORKING_DIRECTORY "${OUT}"
                RESULT_VARIABLE failed ERROR_VARIABLE reason)
if(failed)
  message(WARNING "the patch ${PATCH} no longer applies to ${FILES}: plant its bug anew\n${reason}")
endif()
